"""The pull's own books, on both databases: gaps that close, looks that fail, payments that go, refs to read."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from jobs.reconcile import horizon
from reconciler.columns import to_us
from reconciler.model import ChargeState, FailedLook, Gap, Page, Payment, Window
from reconciler.schema import feeds, gaps, payments, quarantine
from reconciler.schema_pull import payments_read
from reconciler.store.engine import read, write
from reconciler.store.facts import begin_feed, save_page
from reconciler.store.looks import SET_ASIDE_AFTER, refs_to_retry, still_failing
from reconciler.store.needs import refs_to_read
from tests.builders import (
    NOW,
    UUID,
    Approval,
    World,
    ago,
    charge,
    looked_up,
    order,
    settings,
    tribute_charge,
    tribute_order,
)
from tests.stores import engine, url

__all__ = ["engine", "url"]

FEED = "digiseller.sales"


def save(engine: sa.Engine, page: Page, now: datetime = NOW) -> None:
    """Store a page."""
    with write(engine) as connection:
        save_page(connection, page, now)


def span(since: float, until: float) -> Window:
    """A window by hours before now."""
    return Window(ago(hours=since), ago(hours=until))


def unread(engine: sa.Engine) -> list[Window]:
    """The gaps of the feed, oldest first."""
    with read(engine) as connection:
        rows = connection.execute(sa.select(gaps).where(gaps.c.feed == FEED).order_by(gaps.c.since))
        return [Window(row.since, row.until) for row in rows]


def test_gaps_that_meet_are_one_and_lose_what_is_read(engine: sa.Engine) -> None:
    for window in (span(10, 8), span(8, 6), span(4, 3)):
        save(engine, Page(FEED, gap=Gap(window, "pages shifted")))
    assert unread(engine) == [span(10, 6), span(4, 3)]
    save(engine, Page(FEED, drained=span(9, 7)))
    assert unread(engine) == [span(10, 9), span(7, 6), span(4, 3)]
    save(engine, Page(FEED, drained=span(9.5, 1)))
    assert unread(engine) == [span(10, 9.5)]
    save(engine, Page(FEED, drained=span(11, 2)))
    assert unread(engine) == []


def test_a_gap_before_what_a_feed_is_wanted_for_is_none(engine: sa.Engine) -> None:
    save(engine, Page(FEED, gap=Gap(span(10, 6), "pages shifted")))
    with write(engine) as connection:
        begin_feed(connection, FEED, NOW, ago(hours=8))
    save(engine, Page(FEED, drained=span(8, 7)))
    assert unread(engine) == [span(7, 6)]
    with read(engine) as connection:
        assert connection.execute(sa.select(feeds.c.whole_at).where(feeds.c.name == FEED)).scalar() == ago(hours=7)


def test_a_look_that_lasts_to_fail_is_set_aside_and_tried_ever_more_rarely(engine: sa.Engine) -> None:
    def fail(minutes: float) -> None:
        save(engine, Page("digiseller.details", failed=(FailedLook("digiseller", "7", "500"),)), minutes_on(minutes))

    def minutes_on(minutes: float) -> datetime:
        return NOW + timedelta(minutes=minutes)

    def due(minutes: float) -> list[str]:
        with read(engine) as connection:
            return refs_to_retry(connection, "digiseller", minutes_on(minutes))

    for number in range(SET_ASIDE_AFTER - 1):
        fail(10 * number)
        assert due(10 * number) == ["7"]
    with read(engine) as connection:
        assert "charge 7 could not be read: 500" in (still_failing(connection, "digiseller") or "")
        assert connection.execute(sa.select(quarantine)).all() == []
    fail(80)
    with read(engine) as connection:
        assert still_failing(connection, "digiseller") is None
        (held,) = connection.execute(sa.select(quarantine)).all()
    assert (held.key, held.released_at, "5 times" in held.reason) == ("7", None, True)
    assert (due(89), due(90)) == ([], ["7"])
    save(engine, Page("digiseller.details", states=(ChargeState("digiseller", "7", NOW),)), minutes_on(90))
    with read(engine) as connection:
        assert connection.execute(sa.select(quarantine.c.released_at)).scalar() == minutes_on(90)
    assert due(10_000) == []


def test_only_a_whole_reading_makes_payments_go(engine: sa.Engine) -> None:
    def of(*numbers: int) -> tuple[Payment, ...]:
        return tuple(Payment("A1", "digiseller", str(number)) for number in numbers)

    def stored() -> list[str]:
        with read(engine) as connection:
            return sorted(connection.execute(sa.select(payments.c.provider_ref)).scalars())

    feed, window = "shop.payments", span(1, 0)
    save(engine, Page(feed, payments=of(1, 2), snapshot=ago(hours=3)))
    save(engine, Page(feed, payments=of(3), snapshot=ago(hours=3), drained=window))
    assert stored() == ["1", "2", "3"]
    save(engine, Page(feed, payments=of(1), snapshot=ago(hours=2)))
    assert stored() == ["1", "2", "3"], "that reading was killed"
    save(engine, Page(feed, payments=of(3), drained=window))
    assert stored() == ["1", "2", "3"], "that reading had rows that were not understood"
    save(engine, Page(feed, payments=of(2), snapshot=ago(hours=1)))
    save(engine, Page(feed, payments=of(4), snapshot=ago(hours=1), drained=window))
    assert stored() == ["2", "4"]
    with read(engine) as connection:
        assert connection.execute(sa.select(payments_read)).all() == []


def test_a_sweep_tells_of_reversals_up_to_where_it_looked_not_to_when_it_ended(engine: sa.Engine) -> None:
    World(engine).complete()
    World(engine, now=ago(hours=2)).complete("digiseller.sweep")
    with write(engine) as connection:
        connection.execute(sa.delete(feeds).where(feeds.c.name == "tribute.sweep"))
    World(engine).complete("tribute.sweep", until=ago(hours=1))
    with read(engine) as connection:
        until = horizon(connection, settings(), NOW).reversals_until_us
    assert until == {"digiseller": to_us(ago(hours=2)), "tribute": to_us(ago(hours=1))}


def test_the_refs_to_read_are_the_same_on_both_databases(engine: sa.Engine) -> None:
    old: dict[str, Any] = {"occurred_at": ago(days=20)}
    world = World(engine).complete().add(charge("1", **old), looked_up("1"), charge("2"), order("A2", "2"))
    world.judge()
    world.add(order("A3", "3"), order("A4", "4", status="refunded"), Approval("5"), tribute_charge(), tribute_order())
    with read(engine) as connection:
        assert set(refs_to_read(connection, "digiseller", NOW)) == {"1", "2", "3", "4", "5"}
        assert refs_to_read(connection, "tribute", NOW) == [UUID.format(1)]
