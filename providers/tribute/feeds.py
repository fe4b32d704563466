"""Tribute's feeds: which calls make up a window, in pages small enough to keep memory flat."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from providers.tribute import charges, parse, physical, records, token_charges
from providers.tribute.client import Client, Refused
from providers.tribute.fields import is_uuid
from providers.tribute.parse import ShopOrder
from providers.tribute.records import ORDERS, PROVIDER, Reading, page
from reconciler.errors import BadRecord, NeedsOperator, Retryable
from reconciler.model import ChargeState, FailedLook, Gap, Page, Window

SALES = "tribute.sales"
SWEEP = "tribute.sweep"
PHYSICAL = "tribute.physical"
SINGLE = "tribute.read"
BATCH = 20
MAX_FAILURES = 3
"""So many orders in a row whose transactions cannot be read mean that Tribute is down, not that an order is odd."""


@dataclass
class _Failures:
    """Orders whose transactions could not be read in this pass, counted so that one of them never blocks the rest."""

    last: Retryable | None = None
    total: int = 0
    in_a_row: int = 0

    def note(self, error: Retryable) -> None:
        self.last, self.total, self.in_a_row = error, self.total + 1, self.in_a_row + 1

    @property
    def too_many(self) -> bool:
        return self.in_a_row >= MAX_FAILURES


@dataclass
class Feeds:
    """The passes over Tribute: every active shop, or those of `shop_ids`."""

    client: Client
    shop_ids: tuple[int, ...]
    now: Callable[[], datetime]

    def sales(self, window: Window) -> Iterator[Page]:
        """Orders created on the days of the window, with their charges and refunds; one page per batch of orders.

        A window ends with `drained`, or with `gap` where the transactions of an order could not be read.
        """
        yield from self._orders(SALES, window)

    def sweep(self, window: Window) -> Iterator[Page]:
        """The same over the refund horizon: neither a refund nor a new period moves an order into a later day (A9.3).

        Every paid order is read again: `lastPaidTransactionAt` would tell of a new period, but nothing of a refund.
        """
        yield from self._orders(SWEEP, window)

    def physical(self, window: Window) -> Iterator[Page]:
        """All orders of physical goods, whatever the window: the list knows no dates (fact sheet A4.4)."""
        for rows in self.client.physical_pages():
            yield page(PHYSICAL, tuple(physical.read_all(rows, self.now())))
        yield Page(PHYSICAL, drained=window)

    def read(self, refs: Iterable[str]) -> Iterator[Page]:
        """Orders one by one, each with its transactions; refs of one order share the look.

        Refs that are no order's (purchases, physical orders) cannot be pulled and yield nothing (fact sheet A3). One
        order that cannot be read is said and stops no other; several in a row mean that Tribute is down: Retryable.
        """
        wanted: dict[str, list[str]] = {}
        for ref in refs:
            uuid = ref.partition(":")[0]
            if is_uuid(uuid):
                wanted.setdefault(uuid.strip().lower(), []).append(ref)
        shops = (self.shops() or (None,)) if wanted else ()
        failures = _Failures()
        for uuid, same in wanted.items():
            try:
                reading = self._single(uuid, shops)
            except Retryable as error:
                failures.note(error)
                yield Page(SINGLE, failed=tuple(FailedLook(PROVIDER, ref, str(error)) for ref in same))
                if failures.too_many:
                    raise
                continue
            failures.in_a_row = 0
            yield page(SINGLE, (_with_missing(reading, same, self.now()),))

    def shops(self) -> tuple[int | None, ...]:
        """The ids of the shops to read: the configured ones, else every active one.

        Raises NeedsOperator when a configured shop is not among the active ones that this key shows.
        """
        active = [shop.id for shop in self.client.shops() if shop.active]
        missing = sorted(set(self.shop_ids) - set(active))
        if missing:
            names = ", ".join(str(shop) for shop in missing)
            raise NeedsOperator(f"[providers.tribute] shop_ids names {names}, which is no active shop of this api_key")
        if None in active and len(active) > 1:
            raise NeedsOperator("Tribute lists several shops without ids, so they cannot be told apart")
        return tuple(self.shop_ids) or tuple(active)

    def _orders(self, feed: str, window: Window) -> Iterator[Page]:
        failures = _Failures()
        for shop, batch in self._listed(window):
            yield self._batch(feed, shop, batch, failures)
        yield _last(feed, window, failures)

    def _listed(self, window: Window) -> Iterator[tuple[int | None, list[Any]]]:
        for shop in self.shops():
            for day in days(window):
                orders = iter(self.client.orders(day, shop))
                while batch := list(islice(orders, BATCH)):
                    yield shop, batch

    def _batch(self, feed: str, shop: int | None, batch: Sequence[Any], failures: _Failures) -> Page:
        if failures.too_many and failures.last:  # raised here, so that the page before it is already stored
            raise failures.last
        now = self.now()  # one time for all: what happens while they are read is not known to be in them
        return page(feed, [self._listed_order(record, shop, failures, now) for record in batch])

    def _listed_order(self, record: Any, shop: int | None, failures: _Failures, now: datetime) -> Reading:
        try:
            order = parse.shop_order(record)
        except BadRecord as error:
            return _odd(record, error)
        if failures.too_many and order.may_have_transactions:
            return charges.postponed(order)
        try:
            reading = self._with_transactions(order, shop, now)
        except Retryable as error:
            failures.note(error)
            return charges.postponed(order)
        failures.in_a_row = 0 if order.may_have_transactions else failures.in_a_row
        return reading

    def _with_transactions(self, order: ShopOrder, shop: int | None, now: datetime) -> Reading:
        if not order.may_have_transactions:
            return charges.unpaid(order, now)
        try:
            transactions = self.client.transactions(order.uuid, shop)
        except Refused as error:
            reason = f"Tribute shows it but answers {error.status} for its transactions"
            return charges.unreadable(order, now, reason)
        except BadRecord as error:
            return charges.unreadable(order, now, str(error))
        return charges.read(order, transactions, now)

    def _single(self, uuid: str, shops: Iterable[int | None]) -> Reading:
        """One order, looked for in each shop: the API answers 403 or 404 for an order of another one."""
        for shop in shops:
            try:
                record = self.client.order(uuid, shop)
            except Refused:
                continue
            try:
                order = parse.shop_order(record)
            except BadRecord as error:
                return _odd(record, error)
            if order.uuid != uuid:
                raise Retryable(f"Tribute answered with order {order.uuid} when asked for {uuid}")
            return self._with_transactions(order, shop, self.now())
        return self._token_charge(uuid, shops)

    def _token_charge(self, uuid: str, shops: Iterable[int | None]) -> Reading:
        """What is no order may be the charge of a saved card: their ids have the same form (fact sheet A2.4)."""
        for shop in shops:
            try:
                record = self.client.token_charge(uuid, shop)
            except Refused:
                continue
            try:
                return token_charges.read(record, self.now())
            except BadRecord as error:
                aside = records.quarantined(token_charges.SOURCE, uuid, f"token charge: {error}", record)
                return Reading(quarantined=(aside,))
        return Reading()


def days(window: Window) -> Iterator[date]:
    """The UTC days that a window touches, oldest first; none when it is empty."""
    day = window.since.astimezone(UTC).date()
    last = (window.until.astimezone(UTC) - timedelta(microseconds=1)).date()
    while day <= last and window.since < window.until:
        yield day
        day += timedelta(days=1)


def _last(feed: str, window: Window, failures: _Failures) -> Page:
    if failures.last is None:
        return Page(feed, drained=window)
    if failures.too_many:
        raise failures.last
    reason = f"the transactions of {failures.total} orders could not be read; the last: {failures.last}"
    return Page(feed, gap=Gap(window, reason))


def _odd(record: Any, error: BadRecord) -> Reading:
    key = records.key_of(record, "uuid")
    return Reading(quarantined=(records.quarantined(ORDERS, key, f"shop order: {error}", record),))


def _with_missing(reading: Reading, refs: Iterable[str], now: datetime) -> Reading:
    """The reading, with `found=False` for each ref that was asked for and is not there.

    Where something was set aside, a missing ref may be just that: then nothing is said about it.
    """
    there = {state.ref.lower() for state in reading.states}
    missing = [ref for ref in refs if ref.lower() not in there] if not reading.quarantined else []
    states = (*reading.states, *(ChargeState(PROVIDER, ref, now, found=False) for ref in missing))
    return Reading(reading.transactions, states, reading.raws, reading.quarantined)
