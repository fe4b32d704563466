"""One shop order and its transactions as charges, refunds and states; pure, the time comes in as a value."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from providers.tribute import parse, records
from providers.tribute.parse import Row, ShopOrder
from providers.tribute.records import ORDERS, POSTPONED, PROVIDER, REFUSED, TRANSACTIONS, Reading
from providers.tribute.refunds import refunds_of
from providers.tribute.sales import alone, row_key, sales_of
from reconciler.errors import BadRecord
from reconciler.model import ChargeState, Quarantined, RawRecord


def read(order: ShopOrder, transactions: Iterable[Any], now: datetime) -> Reading:
    """The charges of an order whose list of transactions is complete, the refunds of them, and what was not understood.

    The first sale has the order's uuid as its ref, every further one `uuid:transactionId` (contract section 4). Without
    a sale that moved money there is one charge, made of the order alone.
    """
    bad: list[Quarantined] = []
    rows = tuple(_rows(order, transactions, bad))
    order = replace(order, recurring=order.recurring or any(row.recurring for row in rows))
    sales = tuple(sales_of(order, rows, bad))
    refunds = tuple(refunds_of(order, sales, rows, now, bad))
    charges = tuple(sale.charge for sale in sales) or (alone(order),)
    raws = [records.raw(TRANSACTIONS, row_key(order, row), row.body, now) for row in rows]
    states = tuple(_state(order, charge.ref, now) for charge in charges)
    return Reading(charges + refunds, states, (_raw(order, now), *raws), tuple(bad))


def unpaid(order: ShopOrder, now: datetime) -> Reading:
    """What an order says that has no transactions yet: pending, failed or prepaid."""
    return Reading((alone(order),), (_state(order, order.uuid, now),), (_raw(order, now),))


def postponed(order: ShopOrder) -> Reading:
    """What an order says while its transactions cannot be read: a charge that never replaces one that is known better.

    A paid trial makes no charge by itself: whether money has moved stands in the transactions alone. What is known of
    the order is as old as the order, so that nothing is concluded from the payments that it does not show.
    """
    charges = () if order.trial else (replace(alone(order), listed=False),)
    return Reading(charges, (_state(order, order.uuid, order.created_at),), (_raw(order, None, POSTPONED),))


def unreadable(order: ShopOrder, now: datetime, reason: str) -> Reading:
    """The same for transactions that trying again will not mend: the order is set aside until they can be read."""
    charges = () if order.trial else (alone(order),)
    aside = records.quarantined(ORDERS, order.uuid, f"order {order.uuid}: {reason}", order.body)
    return Reading(charges, (_state(order, order.uuid, now),), (_raw(order, now, REFUSED),), (aside,))


def _rows(order: ShopOrder, transactions: Iterable[Any], bad: list[Quarantined]) -> Iterator[Row]:
    """The readable rows, each once: pages that shift while they are read show a row twice (the later look counts)."""
    rows: dict[str, Row] = {}
    for record in transactions:
        try:
            row = parse.transaction(record)
            rows[row.id] = row
        except BadRecord as error:
            number = records.key_of(record, "id")
            key = f"{order.uuid}:{number}" if number else None
            bad.append(records.quarantined(TRANSACTIONS, key, f"transaction of order {order.uuid}: {error}", record))
    yield from rows.values()


def _state(order: ShopOrder, ref: str, now: datetime) -> ChargeState:
    return ChargeState(PROVIDER, ref, now, state=order.state, echoes=order.echoes)


def _raw(order: ShopOrder, read_at: datetime | None, how: str = "") -> RawRecord:
    return records.raw(ORDERS, order.uuid, order.body, read_at, how)
