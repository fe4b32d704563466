"""Tribute's stored records as facts again; pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.base import Known, Situation
from providers.tribute import charges, parse, physical, receiver, records, token_charges
from providers.tribute.records import ORDERS, PROVIDER
from reconciler.errors import BadRecord
from reconciler.model import Page

__all__ = ["ORDERS", "facts", "order"]


def order(body: Any, transactions: Sequence[Any], read_at: datetime, how: str) -> Page:
    """What an order said with the transactions that were shown for it; raises BadRecord."""
    read = parse.shop_order(body)
    if how == records.POSTPONED:
        reading = charges.postponed(read)
    elif how == records.REFUSED:
        reading = charges.unreadable(read, read_at, "its transactions were refused")
    elif read.may_have_transactions:
        reading = charges.read(read, transactions, read_at)
    else:
        reading = charges.unpaid(read, read_at)
    return records.page(ORDERS, (reading,))


def facts(
    source: str, body: Any, read_at: datetime, how: str, known: Callable[[str, str], Mapping[str, Known]]
) -> Page:
    """What another record said; of an event, given the charges that were known then. Raises BadRecord."""
    if source == physical.SOURCE:
        return records.page(source, tuple(physical.read_all([body], read_at)))
    if source == token_charges.SOURCE:
        return records.page(source, (token_charges.read(body, read_at),))
    if source == receiver.WEBHOOKS:
        ref = receiver.ref_of(body)
        there = known(PROVIDER, ref) if ref else {}
        return receiver.told(body, Situation(read_at, there, how == records.LOOKED)).page
    raise BadRecord(f"nothing reads records of {source}")
