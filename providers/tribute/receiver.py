"""Tribute's webhooks: which deliveries are genuine, what each event is about, and what it says (fact sheet A6, A9)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.base import Situation, Told
from providers.tribute import events, fields, keys, records, shop_events, signature
from providers.tribute.events import Envelope
from providers.tribute.records import PROVIDER, Reading
from reconciler.errors import BadRecord, Retryable
from reconciler.model import ChargeState, RawRecord, Status
from reconciler.settings import TributeSettings
from reconciler.strict_json import parse_json
from reconciler.webhooks import Delivery, Event, NotJson

WEBHOOKS = "tribute.webhooks"
TEST = "test_event"
UNNAMED = "unnamed"
_DESCRIBED = {
    "parameters": [{"name": "trbt-signature", "in": "header", "required": True, "schema": {"type": "string"}}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "enum": sorted(keys.NAMES)},
                        "created_at": {"type": "string"},
                        "sent_at": {"type": "string"},
                        "payload": {"type": "object"},
                    },
                }
            }
        },
    },
}


class TributeReceiver:
    """The receiver of Tribute (see `providers.base.Receiver`). During a rotation the previous key counts too."""

    name = PROVIDER
    methods = ("POST",)
    described: Mapping[str, object] = _DESCRIBED
    telling = frozenset({"shop_order", "shop_order_charge_success", "physical_order_created"})
    told_forms = ("________-____-____-____-____________%", "physical:%")
    retry_window: timedelta | None = timedelta(hours=23, minutes=50)  # the eight steps of fact sheet A6.1

    def __init__(self, settings: TributeSettings) -> None:
        """Without any key every delivery is refused."""
        secrets = (settings.api_key.get_secret_value().strip(), settings.previous_api_key.get_secret_value().strip())
        self._keys = [key for key in secrets if key]

    def looks_signed(self, head: Delivery) -> bool:
        """The signature stands in a header."""
        return signature.has_form(head)

    def accept(self, delivery: Delivery) -> Event:
        """Signature first, on the raw bytes; then JSON. What is signed and has no known form is kept all the same."""
        place = signature.signed_by(self._keys, delivery)
        body = _json(delivery.body)
        if isinstance(body, dict) and TEST in body and "name" not in body:
            return Event(PROVIDER, TEST, TEST, "", old_key=place > 0)
        name, created, payload = _parts(body)
        return Event(
            PROVIDER,
            keys.short(name),
            keys.key_of(name, created, payload),
            keys.content_of(payload),
            keys.ref_of(name, created, payload),
            _moment_or_none(created),
            old_key=place > 0,
        )

    def read(self, delivery: Delivery, situation: Situation) -> Told:
        """What a stored event says; raises BadRecord."""
        return told(_json(delivery.body), situation)

    def shown(self, delivery: Delivery) -> Any:
        """The event less tokens, links and addresses."""
        return records.kept(_json(delivery.body))

    def sample(self) -> Delivery:
        """The event of the dashboard's test button, signed with the current key."""
        body = json.dumps({TEST: TEST}, separators=(",", ":")).encode()
        signed = signature.sign(self._keys[0] if self._keys else "", body).encode()
        return Delivery("POST", b"", ((signature.HEADER, signed), (b"content-type", b"application/json")), body)


def told(body: Any, situation: Situation) -> Told:
    """What the body of an event says, as it came or as it is kept; raises BadRecord."""
    name, created, payload = _parts(body)
    if TEST in (body if isinstance(body, dict) else ()) and name == UNNAMED:
        return Told(records.page(WEBHOOKS, ()), "a test: nothing to store")
    if name not in keys.NAMES:
        return Told(records.page(WEBHOOKS, ()), f"the event {name[:60]!r} is not known", understood=False)
    event = Envelope(name, fields.moment(created), created, payload)
    if name in shop_events.READERS:
        return _hint(event, situation, body)
    return _alone(event, situation, body)


def ref_of(body: Any) -> str | None:
    """What an event is about, in the form in which it is looked up among the charges."""
    name, created, payload = _parts(body)
    return keys.ref_of(name, created, payload)


def _hint(event: Envelope, situation: Situation, body: Any) -> Told:
    uuid = fields.order_uuid(event.payload.get("uuid"))
    hint = shop_events.READERS[event.name](event, uuid, situation)
    reading = Reading(hint.transactions, hint.states, (_raw(uuid, body, situation),))
    return Told(records.page(WEBHOOKS, (reading,)), hint.note, uuid if hint.again else None)


def _alone(event: Envelope, situation: Situation, body: Any) -> Told:
    make = events.MAKERS.get(event.name)
    ref = keys.ref_of(event.name, event.created_text, event.payload)
    raw = (_raw(ref, body, situation),) if ref else ()
    if make is None:
        return Told(records.page(WEBHOOKS, (Reading(raws=raw),)), "no money moved")
    made = make(event)
    if not made.listed and made.ref in situation.charges:
        return Told(records.page(WEBHOOKS, (Reading(raws=raw),)), "its charge is known")
    echo = fields.text_of(event.payload, "reference")
    states = (
        (ChargeState(PROVIDER, made.ref, situation.received_at, state=made.status, echoes=(echo,)),) if echo else ()
    )
    paid = made.status in (Status.PAID, Status.COMPLETED)
    return Told(
        records.page(WEBHOOKS, (Reading((made,), states, raw),)), "stored" if paid else f"stored as {made.status}"
    )


def _raw(ref: str, body: Any, situation: Situation) -> RawRecord:
    return records.raw(WEBHOOKS, ref, body, situation.received_at, records.LOOKED if situation.looked else "")


def _json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except Retryable as error:
        raise NotJson(str(error)) from None


def _parts(body: Any) -> tuple[str, str, Mapping[str, Any]]:
    """Name, time and payload of an envelope; what has none of them is an unnamed event."""
    values = body if isinstance(body, dict) else {"body": body}
    name, created, payload = values.get("name"), values.get("created_at"), values.get("payload")
    if not isinstance(name, str) or not name:
        return UNNAMED, "", {key: value for key, value in values.items() if key != "sent_at"}
    return fields.plain(name), fields.plain(str(created or "")), payload if isinstance(payload, dict) else {"": payload}


def _moment_or_none(text: str) -> datetime | None:
    try:
        return fields.moment(text).astimezone(UTC)
    except BadRecord:  # said again, and then recorded, when the event is worked through
        return None
