"""The sales list read by windows: page by page, counted, repeated, split, and honest about what it could not prove."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from providers.digiseller import sales
from reconciler.errors import Retryable
from reconciler.model import Window
from tests.digiseller_desk import DAY, NOW, Desk, body, charges, drained, gaps, sample, transactions

SELLS = "/api/seller-sells/v2"
HALF_MINUTE = timedelta(seconds=30)


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of three rows, and windows of more than four pages split beforehand."""
    monkeypatch.setattr(sales, "ROWS", 3)
    monkeypatch.setattr(sales, "MANY_PAGES", 4)


def asked(desk):
    """What was asked for, as (start, finish, page)."""
    sent = [body(call) for call in desk.sim.called(SELLS)]
    return [(one["date_start"], one["date_finish"], one["page"]) for one in sent]


def test_a_page_is_asked_for_as_documented(desk):
    desk.pull()
    call = desk.sim.called(SELLS)[0]
    assert call.method == "POST"
    assert set(call.query) == {"token"}
    assert set(body(call)) == set(sample("seller_sells_v2_request.json"))
    assert (body(call)["rows"], body(call)["returned"], body(call)["page"]) == (1000, 0, 1)


def test_times_are_sent_on_moscows_clock_with_a_second_to_spare_on_both_sides(desk):
    since = datetime(2026, 10, 20, 20, 59, 59, 900000, tzinfo=UTC)
    desk.pull(window=Window(since, datetime(2026, 10, 20, 21, 30, tzinfo=UTC)))
    assert asked(desk) == [("2026-10-20 23:59:58", "2026-10-21 00:30:01", 1)]


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_sale_at_the_very_edge_is_read_whatever_the_bounds_mean(desk, inclusive):
    desk.sim.switches.bounds_inclusive = inclusive
    edges = [DAY.since, DAY.until - timedelta(microseconds=1)]
    refs = [str(desk.sim.add_sale(when).invoice_id) for when in edges]
    assert charges(desk.pull()) == refs


def test_a_sale_late_in_the_utc_evening_belongs_to_its_utc_day_once(desk):
    """Moscow's clock taken for UTC loses or doubles the sales of 21:00 to 24:00 UTC."""
    midnight = datetime(2026, 10, 20, tzinfo=UTC)
    when = datetime(2026, 10, 20, 22, 15, 7, tzinfo=UTC)
    sold = desk.sim.add_sale(when)
    day, next_day = (Window(midnight + timedelta(days=n), midnight + timedelta(days=n + 1)) for n in (0, 1))
    found = transactions(desk.pull(window=day))
    assert found[str(sold.invoice_id)].occurred_at == when
    assert charges(desk.pull(window=next_day)) == []


def test_every_page_is_handed_on_as_it_comes_and_only_the_last_proves_the_window(desk):
    refs = desk.sell(2500, HALF_MINUTE)
    pages = desk.pull()
    assert [len(page.transactions) for page in pages] == [1000, 1000, 500]
    assert [page.drained for page in pages] == [None, None, DAY]
    assert charges(pages) == refs
    assert [page for _, _, page in asked(desk)] == [1, 2, 3]


def test_a_page_is_handed_on_before_the_next_is_asked_for(desk):
    desk.sell(1500, HALF_MINUTE)
    pages = desk.provider.feeds()[0].fetch(DAY)
    next(pages)
    assert len(asked(desk)) == 1


def test_nothing_is_drained_when_reading_breaks_off(desk):
    desk.sell(1500, HALF_MINUTE)
    desk.sim.fault(SELLS, "status", 99, skip=1)
    pages = []
    with pytest.raises(Retryable):
        pages.extend(desk.provider.feeds()[0].fetch(DAY))
    assert (drained(pages), gaps(pages)) == ([], [])


@pytest.mark.parametrize("order", ["newest", "oldest", "mixed"])
def test_the_order_of_rows_does_not_matter(desk, order):
    desk.sim.switches.order = order
    refs = desk.sell(1300, HALF_MINUTE)
    pages = desk.pull()
    assert (charges(pages), drained(pages)) == (refs, [DAY])


@pytest.mark.parametrize("rows_null", [True, False])
@pytest.mark.parametrize("empty_pages", [0, 1])
def test_an_empty_list_is_complete_whether_it_says_0_or_1_page_and_null_or_no_rows(desk, rows_null, empty_pages):
    desk.sim.switches.rows_null, desk.sim.switches.empty_pages = rows_null, empty_pages
    pages = desk.pull()
    assert (charges(pages), drained(pages), len(asked(desk))) == ([], [DAY], 1)


def test_a_sale_that_shifts_the_pages_voids_the_pass_and_is_read_by_the_next(desk, small_pages):
    refs = desk.sell(5)
    late = desk.sim.arrive_between_pages(NOW - timedelta(minutes=1))
    pages = desk.pull()
    assert charges(pages) == [*refs, str(late.invoice_id)]
    assert [bool(page.drained) for page in pages] == [False, False, False, True]
    assert [page for _, _, page in asked(desk)] == [1, 2, 1, 2]


def test_the_number_of_pages_is_read_again_from_each_answer(desk, small_pages):
    desk.sim.switches.order = "oldest"
    refs = desk.sell(6)
    late = desk.sim.arrive_between_pages(NOW - timedelta(minutes=1))
    pages = desk.pull()
    assert charges(pages) == [*refs, str(late.invoice_id)]
    assert [page for _, _, page in asked(desk)] == [1, 2, 3]
    assert drained(pages) == [DAY]


def test_the_sample_of_a_shift_has_fewer_rows_than_it_says(desk):
    shifted = sample("seller_sells_v2_page1.json")["rows"] + sample("seller_sells_v2_page2_after_shift.json")["rows"]
    seen = sales._Pass({sales._key(row) for row in shifted})
    assert seen.fault(sample("seller_sells_v2_page2_after_shift.json")["total_rows"])
    whole = sample("seller_sells_v2_page1.json")["rows"] + sample("seller_sells_v2_page2.json")["rows"]
    assert sales._Pass({sales._key(row) for row in whole}).fault(7) is None


def test_three_passes_that_disagree_lead_to_a_split_and_only_the_bad_part_stays_a_gap(desk):
    refs = desk.sell(4, timedelta(hours=5))
    hidden = desk.sim.add_sale(NOW - timedelta(hours=2), hidden=True)
    pages = desk.pull()
    (gap,) = gaps(pages)
    assert charges(pages) == refs
    assert gap.since <= hidden.paid_at < gap.until
    assert gap.until - gap.since == timedelta(hours=3)
    covered = sorted([*drained(pages), gap], key=lambda window: window.since)
    assert (covered[0].since, covered[-1].until) == (DAY.since, DAY.until)
    assert all(left.until == right.since for left, right in pairwise(covered))
    assert asked(desk).count(asked(desk)[0]) == 3


def test_a_gap_says_what_disagreed(desk):
    desk.sim.switches.total_rows_off = 2
    desk.sell(3)
    window = Window(NOW - timedelta(days=1), NOW - timedelta(days=1) + timedelta(minutes=1))
    (gap,) = [page.gap for page in desk.pull(window=window) if page.gap]
    assert gap.window == window
    assert gap.reason == "3 passes saw other counts than the list: 0 rows against total_rows 2"


def test_a_window_of_a_minute_is_not_split(desk):
    desk.sim.switches.total_rows_off = 1
    window = Window(NOW - timedelta(minutes=1), NOW)
    pages = desk.pull(window=window)
    assert (gaps(pages), len(asked(desk))) == ([window], 3)


def test_a_list_that_always_miscounts_ends_after_a_bounded_number_of_calls(desk):
    desk.sim.switches.total_rows_off = 1
    desk.sell(3)
    pages = desk.pull()
    assert drained(pages) == []
    assert len(gaps(pages)) == 2**sales.MAX_DOUBT_SPLITS
    assert len(asked(desk)) == 3 * (2 ** (sales.MAX_DOUBT_SPLITS + 1) - 1)


def test_the_rows_of_passes_that_prove_nothing_are_handed_on_all_the_same(desk):
    desk.sim.switches.total_rows_off = 1
    refs = desk.sell(3)
    feed = desk.provider.feeds()[0].fetch(DAY)
    first = next(feed)
    assert (charges([first]), first.drained, first.gap) == (refs, None, None)


def test_a_large_window_is_read_and_completed_piece_by_piece(desk, small_pages):
    refs = desk.sell(28, timedelta(minutes=49))
    pages = desk.pull()
    pieces = drained(pages)
    assert charges(pages) == refs
    assert len(pieces) > 2
    assert (pieces[0].since, pieces[-1].until) == (DAY.since, DAY.until)
    assert all(left.until == right.since for left, right in pairwise(pieces))
    assert gaps(pages) == []


def test_progress_of_earlier_pieces_stays_when_a_later_one_breaks_off(desk, small_pages):
    desk.sell(28, timedelta(minutes=49))
    desk.sim.fault(SELLS, "status", 99, skip=12)
    pages = []
    with pytest.raises(Retryable):
        pages.extend(desk.provider.feeds()[0].fetch(DAY))
    assert drained(pages)
    assert drained(pages)[0].since == DAY.since
    assert drained(pages)[-1].until < DAY.until


def test_a_list_without_end_is_given_up_with_a_gap(desk, small_pages, monkeypatch):
    monkeypatch.setattr(sales, "MAX_PAGES", 2)
    desk.sell(12, timedelta(seconds=4))
    since = NOW - timedelta(hours=23)
    window = Window(since, since + timedelta(minutes=1))
    pages = desk.pull(window=window)
    assert gaps(pages) == [window]
    assert "more than 2 pages" in pages[-1].gap.reason


def test_the_sales_feed_is_the_one_whose_completeness_counts(desk):
    main = [feed.name for feed in desk.provider.feeds() if feed.main]
    names = [feed.name for feed in desk.provider.feeds()]
    assert main == ["digiseller.sales"]
    assert names == [f"digiseller.{name}" for name in ("sales", "receipts", "sweep", "chats", "compare")]


def test_a_limit_stricter_than_the_configured_one_is_outlived(desk, small_pages):
    desk.sim.switches.sells_limit, desk.sim.switches.sells_period_s = 4, 1
    desk.provider.close()
    desk.provider = desk.build(sells_per_minute=1200)
    desk.provider._client._http.sleep = time.sleep
    refs = desk.sell(8)
    pages = desk.pull() + desk.pull()
    assert (charges(pages), drained(pages)) == (refs, [DAY, DAY])
    assert len(asked(desk)) > 6


def test_a_list_that_promises_pages_and_gives_no_rows_is_not_followed(desk):
    empty = {"retval": 0, "retdesc": None, "total_rows": 5, "pages": 15, "page": 1, "rows": None}
    desk.sim.fault(SELLS, "status", 99, status=200, body=empty)
    window = Window(NOW - timedelta(minutes=1), NOW)
    assert gaps(desk.pull(window=window)) == [window]
    assert [page for _, _, page in asked(desk)] == [1, 1, 1]
