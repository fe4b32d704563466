"""Records as they are kept: raw or set aside, under which key, and without what nobody may read later; pure."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.tribute import fields
from reconciler.errors import BadRecord
from reconciler.model import ChargeState, Gap, Page, Quarantined, RawRecord, Transaction, Window
from reconciler.text import storable

PROVIDER = "tribute"
ORDERS = "tribute.orders"
TRANSACTIONS = "tribute.transactions"
POSTPONED, REFUSED, LOOKED = "p", "r", "l"
"""How a record was read: an order whose transactions could not be read, or were refused; an event after a look."""

_DROPPED = re.compile(r"(token|url|phone|address|fullname|locality|customernote)$", re.IGNORECASE)
"""Links and tokens can open things, the rest is a buyer's home: none of it helps to reconcile."""
_ID = re.compile(r"(^|_)id$|[a-z]I[dD]$")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one record says, in the parts that a page is made of."""

    transactions: tuple[Transaction, ...] = ()
    states: tuple[ChargeState, ...] = ()
    raws: tuple[RawRecord, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def page(feed: str, readings: Sequence[Reading], drained: Window | None = None, gap: Gap | None = None) -> Page:
    """One page out of several readings."""
    return Page(
        feed,
        transactions=tuple(item for reading in readings for item in reading.transactions),
        states=tuple(item for reading in readings for item in reading.states),
        raws=tuple(item for reading in readings for item in reading.raws),
        quarantined=tuple(item for reading in readings for item in reading.quarantined),
        drained=drained,
        gap=gap,
    )


def raw(source: str, key: str, record: Any, read_at: datetime | None = None, how: str = "") -> RawRecord:
    """A record as received, less what is not kept."""
    return RawRecord(PROVIDER, source, key, kept(record), read_at, how)


def kept(record: Any) -> Any:
    """What is stored of a record: all but links, tokens and the buyer's home, with card-like numbers masked."""
    return _storable(_without_private(record))


def _storable(value: Any, name: str = "") -> Any:
    """Safe to store. An id of many digits is no card's number, and stays as it is."""
    if isinstance(value, dict):
        return {storable(str(key)): _storable(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, name) for item in value]
    return value if isinstance(value, str) and _ID.search(name) and value.isdecimal() else storable(value)


def quarantined(source: str, key: str | None, reason: str, record: Any) -> Quarantined:
    """A record set aside; without a key of its own it is known by the hash of what is kept of it."""
    body = kept(record)
    canonical = json.dumps(body, sort_keys=True, default=str).encode()
    return Quarantined(PROVIDER, source, key or hashlib.sha256(canonical).hexdigest(), reason, body)


def key_of(record: Any, name: str) -> str | None:
    """The record's own id, if at least that can be read."""
    value = record.get(name) if isinstance(record, dict) else None
    try:
        return fields.order_uuid(value) if name == "uuid" else fields.number_id(value)
    except BadRecord:
        return None


def _without_private(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_private(item) for key, item in value.items() if not _DROPPED.search(str(key))}
    return [_without_private(item) for item in value] if isinstance(value, list) else value
