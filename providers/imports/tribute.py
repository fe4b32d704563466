"""What Tribute tells by webhook only, from a list kept by hand: purchases, donations, subscriptions, refunds; pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from providers.imports import values
from providers.imports.base import FEED, Importer, Understood
from providers.imports.mapping import Values
from providers.tribute import fields, records
from providers.tribute.events import MAKERS, Envelope
from reconciler.errors import BadRecord
from reconciler.model import RawRecord, Status

EVENTS: Mapping[str, str] = {
    "purchase": "new_digital_product",
    "refund": "digital_product_refunded",
    "donation": "new_donation",
    "recurrent_donation": "recurrent_donation",
    "subscription": "new_subscription",
    "renewal": "renewed_subscription",
}
"""Our short words for the events that cannot be read again (fact sheet A3); Tribute's own names are taken too."""

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "new_digital_product": ("purchase_id",),
    "digital_product_refunded": ("purchase_id",),
    "new_donation": ("donation_request_id",),
    "recurrent_donation": ("donation_request_id",),
    "new_subscription": ("subscription_id",),
    "renewed_subscription": ("subscription_id",),
}
_IDS = (
    *("purchase_id", "transaction_id", "product_id", "donation_request_id", "subscription_id", "period_id"),
    *("telegram_user_id", "trb_user_id"),
)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


def read(row: Values, now: datetime) -> Understood:
    """The event that the row tells of, as the webhook would have told it: of one purchase both are one transaction.

    Times without zone are UTC (fact sheet A2.3). Raises BadRecord.
    """
    name = row.need("event", _event)
    code = row.need("currency", values.currency)
    created_at = row.need("occurred_at", lambda value: _time(row, value))
    payload = _payload(row, name, code)
    event = Envelope(name, created_at, _text(row, "occurred_at", created_at), payload)
    made = MAKERS[name](event)
    if made.status is Status.TRIAL:
        raise BadRecord("it moved no money (a trial, or a sum of zero): there is nothing to reconcile")
    raw = RawRecord(records.PROVIDER, f"{FEED}tribute", made.ref, records.kept(row.kept()), now)
    return Understood((replace(made, listed=False),), raw, created_at)


def _event(value: Any) -> str:
    word = (values.text(value) or "").lower()
    name = EVENTS.get(word, word)
    if name not in EVENTS.values():
        hint = "; shop orders are pulled, not imported" if name.startswith("shop_order") else ""
        raise BadRecord(f"{values.shown(value)} is none of {', '.join(EVENTS)}{hint}")
    return name


def _payload(row: Values, name: str, code: str) -> dict[str, Any]:
    """The row's columns under the names and in the units of the event (fact sheet A6.2)."""
    for needed in _NEEDED[name]:
        row.need(needed, _number)
    paid = row.money(code)
    if paid is None:
        raise BadRecord("amount: it is empty")
    payload: dict[str, Any] = {column: row.get(column, values.id_text) for column in _IDS}
    payload |= {
        "amount": paid,
        "currency": code,
        "price": row.money(code, "price"),
        "email": row.get("buyer_email", values.text),
        "type": row.get("type", values.text),
        "anonymously": row.get("anonymously", values.flag) or False,
        "refund_reason": row.get("refund_reason", values.text),
    }
    for title in ("product_name", "donation_name", "subscription_name"):
        payload[title] = row.get("title", values.text)
    expires = row.get("expires_at", lambda value: _time(row, value, day=True))
    payload["expires_at"] = None if expires is None else _text(row, "expires_at", expires)
    return {key: value for key, value in payload.items() if value is not None}


def _number(value: Any) -> str | None:
    number = values.id_text(value)
    if number is not None and fields.number_id(number) == "0":  # how Go writes an absent number
        raise BadRecord("it is 0, which is no id")
    return number


def _time(row: Values, value: Any, *, day: bool = False) -> datetime | None:
    return values.moment(value, row.zone or UTC, day=day)


def _text(row: Values, name: str, when: datetime) -> str:
    """The time in the form of the webhooks, which is part of the refs of what has no id: as written if it has it."""
    written = str(row.cells[name]).strip()
    return written if _RFC_3339.fullmatch(written) else when.isoformat().replace("+00:00", "Z")


IMPORTER = Importer("tribute", records.PROVIDER, read)
