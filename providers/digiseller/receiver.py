"""DigiSeller's sale notices: signed for invoice and product alone, so each is only a hint to read that invoice."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from providers.base import Situation, Told
from providers.digiseller import parse
from providers.digiseller.fields import kept
from reconciler.errors import Retryable
from reconciler.model import Page, Status
from reconciler.settings import DigiSellerSettings
from reconciler.strict_json import parse_json
from reconciler.webhooks import Delivery, Event, Forged

NOTICES = f"{parse.PROVIDER}.webhooks"
SALE, TEST = "sale", "test_event"
MAX_FIELDS = 100
_HEX = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_DESCRIBED = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in ("id_i", "id_d", "amount", "curr", "email", "date", "sha256", "through", "ip", "agent", "cart_uid")
    ],
}


class DigiSellerReceiver:
    """The receiver of DigiSeller (see `providers.base.Receiver`); fact sheet A7."""

    name = parse.PROVIDER
    methods = ("GET", "POST")
    described: Mapping[str, object] = _DESCRIBED
    telling = frozenset({SALE})
    told_forms = ("%",)
    retry_window: timedelta | None = None  # the sales list shows whatever a lost notice would have said

    def __init__(self, settings: DigiSellerSettings) -> None:
        """Without a password every notice is refused."""
        self._password = settings.notification_password.get_secret_value().strip()

    def looks_signed(self, head: Delivery) -> bool:
        """The signature is one of the fields, and those of a POST are not read yet."""
        return head.method != "GET" or bool(_HEX.fullmatch(_fields(head).get("sha256", "")))

    def accept(self, delivery: Delivery) -> Event:
        """The invoice that a signed notice names; raises Forged. Nothing else in it is signed, so nothing else counts.

        The signature holds no time, so a captured notice can come again for ever: it stays one event.
        """
        said = _fields(delivery)
        invoice, product, given = (said.get(name, "") for name in ("id_i", "id_d", "sha256"))
        if not self._password or not _HEX.fullmatch(given) or not _NUMBER.fullmatch(invoice) or not product:
            raise Forged("the notice is not signed")
        if not hmac.compare_digest(self._signed(invoice, product).encode(), given.lower().encode()):
            raise Forged("the signature is not ours")
        if int(invoice) == 0:
            return Event(self.name, TEST, TEST, "")
        return Event(self.name, SALE, f"{SALE}:{int(invoice)}", "", str(int(invoice)))

    def read(self, delivery: Delivery, situation: Situation) -> Told:
        """A hint to read the invoice, until it shows as paid: a notice may come before that (fact sheet A4)."""
        invoice = str(int(_fields(delivery)["id_i"]))
        if invoice == "0":
            return Told(Page(NOTICES), "a test: nothing to store")
        charge = situation.charges.get(invoice)
        if charge is not None and charge.status == Status.PAID:
            return Told(Page(NOTICES), "the invoice is paid")
        return Told(Page(NOTICES), "the invoice is not paid yet" if situation.looked else "a sale", look=invoice)

    def shown(self, delivery: Delivery) -> Any:
        """The notice's fields, less the signature."""
        return kept(_fields(delivery))

    def sample(self) -> Delivery:
        """A signed notice about invoice 0, which means no sale (fact sheet A5)."""
        fields = {"ID_I": "0", "ID_D": "0", "SHA256": self._signed("0", "0")}
        return Delivery("POST", b"", ((b"content-type", b"application/json"),), json.dumps(fields).encode())

    def _signed(self, invoice: str, product: str) -> str:
        text = f"{self._password.lower()};{invoice};{product}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _fields(delivery: Delivery) -> dict[str, str]:
    """The notice's fields by their lower-case names; JSON numbers or texts, a query, or a form (fact sheet A7).

    A name that is there twice says nothing for sure, so it is left out.
    """
    pairs = _query(delivery.query) if delivery.method == "GET" else _body(delivery.body)
    found: dict[str, str] = {}
    doubled: set[str] = set()
    for name, value in pairs:
        key = name.casefold()
        if key in found:
            doubled.add(key)
        found[key] = value
    return {key: value for key, value in found.items() if key not in doubled}


def _body(body: bytes) -> Iterable[tuple[str, str]]:
    try:
        value = parse_json(body)
    except Retryable:
        return _query(body)
    if not isinstance(value, dict):
        return ()
    return [(str(name), str(item).strip()) for name, item in value.items() if isinstance(item, str | int)]


def _query(text: bytes) -> Iterable[tuple[str, str]]:
    try:
        return [
            (name, value.strip())
            for name, value in parse_qsl(text.decode("utf-8", "replace"), True, max_num_fields=MAX_FIELDS)
        ]
    except ValueError:  # more fields than a notice has
        return ()
