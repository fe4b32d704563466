"""The made-up world of the demo is what it says: whole, the same for a seed, exact in its money, and in the past."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from providers.shop import build as build_shop
from providers.simulators.scenario import MIN_DAYS, Scenario, build
from providers.simulators.scenario.catalogue import PURSES
from providers.simulators.scenario.values import Purchase, Sale
from providers.simulators.shop import ShopSimulator
from reconciler.detectors import KINDS
from reconciler.model import Window
from reconciler.settings import Shop

NOW = datetime(2026, 11, 22, 10, 17, 5, 123456, tzinfo=UTC)
NEEDS_MORE = {"feed_gap"}
"""Kinds that need webhooks or a feed that fails."""


@pytest.fixture(scope="module")
def world() -> Scenario:
    return build(NOW, days=30, charges=200, seed=7)


def test_every_kind_of_finding_that_feeds_can_show_is_planted(world: Scenario) -> None:
    assert {one.kind for one in world.expected} == set(KINDS) - NEEDS_MORE


def test_each_reason_of_an_undelivered_order_is_planted(world: Scenario) -> None:
    reasons = {one.reason for one in world.expected if one.kind == "undelivered_order"}
    assert reasons == {"no_order", "not_fulfilled", "partly_delivered"}


def test_both_providers_have_duplicates_chargebacks_missing_charges_and_undelivered_orders(world: Scenario) -> None:
    for kind in ("duplicate_charge", "suspected_chargeback", "chargeback", "missing_charge", "undelivered_order"):
        assert {one.provider for one in world.expected if one.kind == kind} == {"digiseller", "tribute"}


def test_every_sort_of_money_that_only_webhooks_tell_of_is_there(world: Scenario) -> None:
    names = [one.name for one in world.events]
    assert Counter(names) == {
        "new_digital_product": 3, "digital_product_refunded": 1, "new_donation": 1, "new_subscription": 1
    }  # fmt: skip
    assert all(world.now - timedelta(days=1) < one.at < world.now for one in world.events)


def test_nothing_is_planted_twice(world: Scenario) -> None:
    keys = Counter((one.kind, one.reason, one.transaction_ids, one.order_id) for one in world.expected)
    assert set(keys.values()) == {1}


def test_the_same_seed_gives_the_same_world() -> None:
    assert build(NOW, 20, 50, seed=3) == build(NOW, 20, 50, seed=3)


def test_another_seed_gives_another_world_with_the_same_faults() -> None:
    one, other = build(NOW, 20, 50, seed=3), build(NOW, 20, 50, seed=4)
    assert one.sales != other.sales
    assert one.purchases != other.purchases
    assert Counter(found.kind for found in one.expected) == Counter(found.kind for found in other.expected)


def test_charges_are_the_ordinary_sales_of_which_most_are_digisellers() -> None:
    bare, busy = build(NOW, 30, 0, seed=1), build(NOW, 30, 100, seed=1)
    assert len(busy.sales) - len(bare.sales) == 60
    assert len(busy.purchases) - len(bare.purchases) == 40
    assert len(busy.orders) - len(bare.orders) == 100


def test_sales_are_made_in_every_currency_that_is_compared(world: Scenario) -> None:
    assert {sale.currency for sale in world.sales} == {"WMR", "WMZ", "WMT"}
    assert {purchase.currency for purchase in world.purchases} == {"RUB", "USD", "EUR"}


def test_orders_say_in_every_way_which_payment_they_are_for(world: Scenario) -> None:
    by_payment = {payment.order_id for payment in world.payments}
    echoed = {sale.through.removeprefix("order=") for sale in world.sales} | {one.comment for one in world.purchases}
    ways = Counter(
        "reference"
        if order.provider_ref
        else "code"
        if order.unique_code
        else "payments"
        if order.order_id in by_payment
        else "echo"
        if order.order_id in echoed
        else "nothing"
        for order in world.orders
    )
    assert set(ways) == {"reference", "code", "payments", "echo", "nothing"}
    assert ways["reference"] > ways["echo"] > 5


def test_orders_cost_what_was_paid_except_where_that_is_the_fault(world: Scenario) -> None:
    faulty = {one.order_id for one in world.expected if one.kind in {"amount_mismatch", "currency_mismatch"}}
    paid = {charge.ref: charge for charge in (*world.sales, *world.purchases)}
    compared = 0
    for order in world.orders:
        charge = paid.get(order.provider_ref or "")
        if charge and order.order_id not in faulty:
            assert (order.amount_minor, order.currency) == (charge.amount_minor, _iso(charge))
            compared += 1
    assert compared > 100


def test_balances_are_what_the_orders_leave(world: Scenario) -> None:
    left: Counter[str | None] = Counter()
    for order in world.orders:
        if not order.credits_taken_back:
            left[order.account_id] += (order.credits or 0) - (order.credits_used or 0)
    assert all(account.balance == left[account.account_id] for account in world.accounts)
    assert any(account.balance for account in world.accounts)
    assert all(account.balance >= 0 for account in world.accounts)


def test_what_is_planted_names_charges_and_orders_that_are_there(world: Scenario) -> None:
    refs = {sale.ref for sale in world.sales}
    refs |= {one.ref_of(place) for one in world.purchases for place in range(len(one.payments))}
    refs |= {str(one.payload["purchase_id"]) for one in world.events if "purchase_id" in one.payload}
    order_ids = {order.order_id for order in world.orders}
    for one in world.expected:
        assert one.order_id is None or one.order_id in order_ids, one
        assert one.kind == "missing_charge" or set(one.transaction_ids) <= refs, one


def test_a_missing_charge_is_really_missing_at_digiseller(world: Scenario) -> None:
    refs = {sale.ref for sale in world.sales}
    named = [
        one.transaction_ids for one in world.expected if (one.kind, one.provider) == ("missing_charge", "digiseller")
    ]
    assert len(named) == 2
    assert not refs & {ref for ids in named for ref in ids}


def test_nothing_lies_in_the_future_and_nothing_is_finer_than_a_second(world: Scenario) -> None:
    for when in _times(world):
        assert when <= world.now
        assert when.microsecond == 0
        assert when.utcoffset() == timedelta(0)


def test_invoice_numbers_grow_with_time(world: Scenario) -> None:
    apart = [
        (early, late)
        for early, late in zip(world.sales, world.sales[1:], strict=False)
        if late.paid_at < early.paid_at - timedelta(minutes=5)
    ]
    assert not apart


def test_a_short_world_still_reaches_back_far_enough_for_its_faults() -> None:
    world = build(NOW, 1, 10, seed=1)
    assert world.now - world.since >= timedelta(days=MIN_DAYS) - timedelta(seconds=1)
    assert len(world.expected) == len(build(NOW, 30, 10, seed=1).expected)


@pytest.mark.parametrize(("days", "charges"), [(0, 10), (30, -1)])
def test_a_world_of_no_time_or_of_negative_sales_is_refused(days: int, charges: int) -> None:
    with pytest.raises(ValueError, match="made-up world"):
        build(NOW, days, charges, seed=1)


def test_people_are_made_up(world: Scenario) -> None:
    for account in world.accounts:
        assert re.fullmatch(r"[a-z.0-9]+@example\.(com|org)", account.email.lower())


def test_the_shops_ledger_is_read_back_exactly(world: Scenario, tmp_path: Path) -> None:
    shop = ShopSimulator(tmp_path / "shop.db")
    shop.load(world)
    ledger = build_shop(Shop(url=shop.url), now=lambda: NOW)
    window = Window(datetime(1970, 1, 1, tzinfo=UTC), NOW)
    pages = [page for feed in ledger.feeds() for page in feed.fetch(window)]
    orders = {order.order_id: order for page in pages for order in page.orders}
    unreadable = {bad.key for page in pages for bad in page.quarantined}
    assert unreadable == {
        one.order_id for one in world.expected if (one.kind, one.provider) == ("unreadable_record", None)
    }
    for ours in world.orders:
        if ours.order_id not in unreadable:
            read = orders[ours.order_id]
            assert (read.amount_minor, read.currency) == (ours.amount_minor, ours.currency)
            assert (read.created_at, read.delivered_at) == (ours.created_at, ours.delivered_at)
    assert sum(len(page.accounts) for page in pages) == len(world.accounts)
    assert sum(len(page.payments) for page in pages) == len(world.payments)


def test_a_shop_does_not_take_over_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("mine")
    with pytest.raises(FileExistsError):
        ShopSimulator(tmp_path / "shop.db")


def test_saving_an_order_again_brings_it_up_to_date(world: Scenario, tmp_path: Path) -> None:
    shop = ShopSimulator(tmp_path / "shop.db")
    order = next(order for order in world.orders if order.status == "pending")
    shop.save_orders([order])
    shop.save_orders([replace(order, status="delivered")])
    with closing(sqlite3.connect(shop.path)) as connection:
        assert connection.execute("SELECT order_id, status FROM orders").fetchall() == [(order.order_id, "delivered")]


def _iso(charge: Sale | Purchase) -> str:
    return PURSES[charge.currency] if isinstance(charge, Sale) else charge.currency


def _times(world: Scenario) -> Iterator[datetime]:
    for sale in world.sales:
        yield from (when for when in (sale.paid_at, sale.refunded_at, sale.chat_at) if when)
    for purchase in world.purchases:
        yield purchase.created_at
        yield from (paid.at for paid in purchase.payments)
        yield from (paid.refunded_at for paid in purchase.payments if paid.refunded_at)
    for order in world.orders:
        yield from (when for when in (order.created_at, order.delivered_at, order.updated_at) if when)
    yield from (account.updated_at for account in world.accounts)
    yield from (approval.recorded_at for approval in world.approvals)
    yield from (one.opened_at for one in world.chargebacks)
