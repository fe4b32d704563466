"""Tribute's stored records as facts again; pure."""

from collections.abc import Iterator, Sequence

from providers.base import Charges, Situation, Stored
from providers.tribute import charges, parse, physical, receiver, records, token_charges
from providers.tribute.records import ORDERS, PROVIDER, Reading
from reconciler.errors import BadRecord
from reconciler.model import Page


def facts(unit: Sequence[Stored], known: Charges) -> Iterator[Page]:
    """What an order said with the transactions that were shown for it, or each other record; raises BadRecord."""
    if unit[0].source == ORDERS:
        yield records.page(ORDERS, (_order(unit[0], unit[1:]),))
        return
    for record in unit:
        yield _page(record, known)


def _order(record: Stored, transactions: Sequence[Stored]) -> Reading:
    order = parse.shop_order(record.body)
    if record.how == records.POSTPONED:
        return charges.postponed(order)
    if record.how == records.REFUSED:
        return charges.unreadable(order, record.read_at, "its transactions were refused")
    if order.may_have_transactions:
        return charges.read(order, [row.body for row in transactions], record.read_at)
    return charges.unpaid(order, record.read_at)


def _page(record: Stored, known: Charges) -> Page:
    source, body = record.source, record.body
    if source == physical.SOURCE:
        return records.page(source, tuple(physical.read_all([body], record.read_at)))
    if source == token_charges.SOURCE:
        return records.page(source, (token_charges.read(body, record.read_at),))
    if source == receiver.WEBHOOKS:
        ref = receiver.ref_of(body)
        there = known(PROVIDER, ref) if ref else {}
        return receiver.told(body, Situation(record.read_at, there, record.how == records.LOOKED)).page
    raise BadRecord(f"nothing reads records of {source}")
