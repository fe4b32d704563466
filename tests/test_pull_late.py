"""What comes late, is dated back, cannot be read or is written otherwise: seen over real HTTP, day after day."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pull_stage import START, UUID, Stage, staged

MINUTES_10 = timedelta(minutes=10)
DAY = timedelta(days=1)
SALE = {"email": "ann@example.com", "currency": "WMR", "code_state": 2}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Providers and shop, empty."""
    with staged(tmp_path) as running:
        yield running


def test_a_renewal_is_no_missing_charge_although_no_window_shows_it(stage: Stage) -> None:
    stage.tribute.add_order(UUID, created_at=START - 10 * DAY, status="paid", period="monthly")
    stage.order("T1", "tribute", UUID, created_at=START - 10 * DAY)
    assert stage.found(stage.run()) == set()
    stage.now += timedelta(hours=5)
    stage.tribute.charge_again(UUID)
    stage.order("T2", "tribute", UUID)
    for _ in range(3):
        assert stage.found(stage.run(timedelta(hours=1))) == set()
    stage.order("T3", "tribute", UUID, created_at=stage.now - timedelta(hours=3))
    assert stage.found(stage.run(MINUTES_10)) == {("missing_charge", "T3")}


def test_an_order_paid_after_the_look_back_is_no_missing_charge(stage: Stage) -> None:
    stage.tribute.add_order(UUID, created_at=START - 5 * DAY)
    stage.run()
    stage.now += timedelta(hours=5)
    stage.tribute.pay(UUID)
    stage.order("T1", "tribute", UUID, created_at=START - 5 * DAY)
    assert stage.found(stage.run()) == set()


def test_a_pending_order_that_is_paid_late_without_an_order_is_found_before_the_sweep(stage: Stage) -> None:
    stage.tribute.add_order(UUID, created_at=START - 5 * DAY)
    stage.run()
    stage.tribute.pay(UUID, at=START + timedelta(hours=1))
    assert stage.found(stage.run(timedelta(hours=4))) == {("undelivered_order", UUID)}


def test_a_uuid_in_upper_case_is_no_conflict(stage: Stage) -> None:
    stage.tribute.add_order(UUID, created_at=START - DAY, status="paid")
    stage.order("T1", "tribute", UUID.upper(), created_at=START - DAY)
    stage.pays("T1", "tribute", UUID.upper())
    assert stage.found(stage.run()) == set()


@pytest.mark.parametrize("options", [{"since": START - DAY}, {"since": START - 3 * DAY, "until": START - DAY}])
def test_a_first_run_over_some_days_leaves_no_day_unread_for_ever(stage: Stage, options: dict[str, Any]) -> None:
    sales = {str(stage.digiseller.add_sale(START - days * DAY, **SALE).invoice_id) for days in (2, 20)}
    paid = stage.tribute.add_order(created_at=START - 20 * DAY, status="paid")
    stage.run(**options)
    assert not {paid, *sales} <= stage.stored()
    stage.run(MINUTES_10)
    assert {paid, *sales} <= stage.stored()
    assert stage.feed("digiseller.sales").complete_since == START - 30 * DAY
    asked = len(stage.tribute.called("/api/v1/shop/orders"))
    stage.run(MINUTES_10)
    assert len(stage.tribute.called("/api/v1/shop/orders")) - asked < 10, "only the look-back is read from now on"


def test_a_gap_closes_once_the_missing_part_is_read_and_stays_one_finding_till_then(stage: Stage) -> None:
    uuid = stage.tribute.add_order(created_at=START - 5 * DAY, status="paid")
    stage.order("T1", "tribute", uuid, created_at=START - 5 * DAY)
    stage.tribute.fault(f"/api/v1/shop/orders/{uuid}/transactions", "status", 100_000)
    stage.digiseller.add_sale(START - 3 * DAY, hidden=True, **SALE)
    for _ in range(2):
        result = stage.run(MINUTES_10)
        gaps = [row for row in result.findings if row["kind"] == "feed_gap"]
        assert {row["provider"]: row["status"] for row in gaps} == {"tribute": "open", "digiseller": "open"}
        assert len(gaps) == 3, "sales and sweep of Tribute, sales of DigiSeller"
        assert result.verdict == "incomplete"
    stage.tribute.clear_faults()
    stage.digiseller.sales.clear()
    healed = stage.run(MINUTES_10)
    assert (stage.found(healed), healed.problems) == (set(), [])


def test_a_sale_dated_back_is_found_within_a_week(stage: Stage) -> None:
    stage.run()
    late = str(stage.digiseller.add_sale(START - 12 * DAY, **SALE).invoice_id)
    stage.run(MINUTES_10)
    assert late not in stage.stored()
    calls = []
    for _ in range(9):
        before = len(stage.digiseller.called("/api/seller-sells"))
        stage.run(DAY)
        calls.append(len(stage.digiseller.called("/api/seller-sells")) - before)
    assert late in stage.stored()
    assert max(calls) <= 4, "sales, sweep and a part of the round: no more than the limit of a minute"


def test_a_round_goes_on_where_it_was_left(stage: Stage) -> None:
    stage.run()
    stage.run(2 * DAY)
    reached = stage.feed("digiseller.compare").complete_until
    assert reached > START - 30 * DAY
    stage.digiseller.fault("/api/seller-sells", "status", 100_000, skip=2)
    assert stage.run(2 * DAY).problems
    assert stage.feed("digiseller.compare").complete_until == reached
    stage.digiseller.clear_faults()
    stage.run(MINUTES_10)
    assert stage.feed("digiseller.compare").complete_until > reached


def test_an_order_of_the_shop_that_changed_without_saying_so_is_found_within_a_week(stage: Stage) -> None:
    stage.run()
    old = {"created_at": START - 20 * DAY, "delivered_at": START - 20 * DAY, "updated_at": START - 20 * DAY}
    stage.order("A1", "digiseller", "190000009", **old)
    assert stage.found(stage.run(DAY)) == set()
    assert stage.found(stage.run(6 * DAY)) == {("missing_charge", "A1")}


def test_a_payment_that_the_shop_takes_back_is_believed_no_more(stage: Stage) -> None:
    first, second = (
        str(stage.digiseller.add_sale(START - timedelta(hours=hours), **SALE).invoice_id) for hours in (5, 1)
    )
    stage.order("A1", "digiseller", first, created_at=START - timedelta(hours=5), amount_minor=499)
    stage.pays("A1", "digiseller", second)
    assert stage.found(stage.run()) == {("duplicate_charge", "A1")}
    with closing(sqlite3.connect(stage.shop.path)) as connection, connection:
        connection.execute("DELETE FROM payments")
    assert stage.found(stage.run(MINUTES_10)) == {("undelivered_order", second)}


def test_a_refund_of_a_sale_before_the_feed_that_never_came_is_missed(stage: Stage) -> None:
    sale = stage.digiseller.add_sale(START - 200 * DAY, **SALE)
    marked = {"created_at": START - 200 * DAY, "updated_at": START - 10 * DAY, "status": "refunded"}
    stage.order("A1", "digiseller", str(sale.invoice_id), amount_minor=499, **marked)
    assert stage.found(stage.run()) == {("refund_not_executed", "A1")}
    stage.digiseller.finish_refund(sale.invoice_id)
    assert stage.found(stage.run(MINUTES_10)) == set()


def test_a_refund_begun_between_two_runs_is_the_sellers_own(stage: Stage) -> None:
    sale = stage.digiseller.add_sale(START - timedelta(hours=30), **SALE)
    stage.order("A1", "digiseller", str(sale.invoice_id), created_at=START - timedelta(hours=30), amount_minor=499)
    stage.run()
    stage.digiseller.start_refund(sale.invoice_id)
    stage.run(MINUTES_10)
    stage.digiseller.finish_refund(sale.invoice_id)
    found = {kind for kind, _ in stage.found(stage.run(MINUTES_10))}
    assert "unapproved_refund" in found
    assert "suspected_chargeback" not in found


def test_three_invoices_that_always_fail_keep_back_no_other_and_are_named_in_the_end(stage: Stage) -> None:
    sales = [stage.digiseller.add_sale(START - timedelta(hours=hours), **SALE) for hours in range(3, 8)]
    refs = [str(sale.invoice_id) for sale in sales]
    for ref in refs[-3:]:
        stage.digiseller.fault(f"/api/purchase/info/{ref}", "status", 100_000, status=406)
    assert any("406" in line for line in stage.run().problems)
    second = stage.run(MINUTES_10)
    assert {("undelivered_order", ref) for ref in refs[:2]} <= stage.found(second)
    (problem,) = second.problems
    assert "and 2 more) could not be read" in problem
    assert refs[2] in problem
    for _ in range(4):
        last = stage.run(MINUTES_10)
    assert last.problems == []
    assert last.verdict == "findings"
    assert {("unreadable_record", ref) for ref in refs[2:]} <= stage.found(last)
    stage.digiseller.clear_faults()
    healed = stage.found(stage.run(timedelta(hours=2)))
    assert {("undelivered_order", ref) for ref in refs} == healed


@pytest.mark.parametrize("hours", [2, -2])
def test_a_clock_that_is_off_freezes_the_feeds_and_says_so(stage: Stage, hours: int) -> None:
    stage.run()
    reached = stage.feed("digiseller.sales").complete_until
    stage.skew = timedelta(hours=hours)
    off = stage.run(timedelta(hours=5))
    assert stage.feed("digiseller.sales").complete_until == reached
    assert off.verdict == "incomplete"
    assert all("clock is 7200 s" in line and "NTP" in line for line in off.problems)
    assert {kind for kind, _ in stage.found(off)} == {"feed_gap"}
    stage.skew = timedelta(0)
    healed = stage.run(MINUTES_10)
    assert (stage.found(healed), healed.problems, healed.verdict) == (set(), [], "reconciled")
    assert stage.feed("digiseller.sales").complete_until > reached
