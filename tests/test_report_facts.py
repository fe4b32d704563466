"""What a report takes out of the store beside findings: cases, chargebacks, refunds, and the course of the days."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from reconciler.money import Money
from reconciler.report import FORMATS
from reconciler.report.brief import brief
from reconciler.report.period import Period, around, last_whole
from reconciler.store import audit, disputes
from reconciler.store.cases import charge_root, follow_cases, open_case
from reconciler.store.engine import read, write
from reconciler.store.report_facts import facts
from reconciler.store.reports import make_report, report_of
from reconciler.words import LANGUAGES
from reconciler.words.voice import Voice
from tests.builders import NOW, Approval, World, ago, charge, order, refund
from tests.stores import engine, url

__all__ = ["engine", "url"]

MOSCOW = ZoneInfo("Europe/Moscow")
TODAY = Period(NOW.date(), MOSCOW)


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """An empty world on each engine."""
    return World(engine)


def busy(world: World) -> World:
    """A charge that went back, a chargeback of another one, an approved refund of a third."""
    world.add(charge("1001"), order("A1", "1001"), refund("1001"))
    world.add(charge("1002"), order("A2", "1002"), charge("1003"), order("A3", "1003"), refund("1003"))
    world.add(Approval("1003")).complete()
    new = disputes.NewDispute("digiseller", "1002", Money(1000, "WMZ"), "10.4", ago(days=3), due_at=ago(days=-2))
    with write(world.engine) as connection:
        disputes.record(connection, new, "Ann", ago(days=1))
        case = open_case(connection, charge_root("digiseller", "1002"), ago(days=1), key=("digiseller", "1002"))
        follow_cases(connection, world.settings, [case], ago(days=1))
    world.judge()
    return world


def report(world: World, period: Period = TODAY) -> dict[str, Any]:
    """The report as it can be made now."""
    with read(world.engine) as connection:
        document = make_report(connection, world.settings, period)
    assert document is not None
    return document


def test_a_report_has_cases_chargebacks_ratio_and_refunds_of_its_day(world: World) -> None:
    document = report(busy(world))
    [running] = document["chargebacks"]
    assert (running["ref"], running["state"], running["days_left"], running["ended"]) == ("1002", "open", 2, False)
    waiting = {case["transaction_id"]: case for case in document["cases"]}
    assert set(waiting) == {"1001", "1002"}
    assert document["cases"][0]["transaction_id"] == "1002"  # the one with a date comes first
    ids = {row["case_id"] for row in document["findings"]["new"] if row["case_id"]}
    assert ids <= {case["id"] for case in document["cases"]}
    assert [row["state"] for row in document["ratio"]] == ["too_few"]
    back = {row["transaction_id"]: row["approved_by"] for row in document["refunds"]}
    assert back == {"1001": None, "1003": "Olga"}
    assert document["refund_totals"] == {"WMZ": {"count": 2, "amount": "20.00"}}
    assert [row["decided_by"] for row in document["approvals"]] == ["Olga"]


def test_every_format_says_what_the_store_holds_in_each_language(world: World) -> None:
    document = report(busy(world))
    for form, language in product(FORMATS, LANGUAGES):
        body = form.render(document, language)
        assert body == form.render(report(world), language)
        if form.name in {"html", "md"}:
            assert ("осталось 2 дня" if language == "ru" else "2 days left") in body.decode()


def test_a_finished_day_is_kept_however_the_world_goes_on(world: World) -> None:
    busy(world)
    tomorrow = TODAY.end + timedelta(hours=6)
    before = report_of(world.engine, world.settings, TODAY, tomorrow)
    world.now = tomorrow
    world.add(charge("1004", occurred_at=ago(hours=1))).complete().judge()
    with write(world.engine) as connection:
        connection.execute(sa.text("UPDATE cases SET status = 'resolved', owner = 'Ann'"))
    assert report_of(world.engine, world.settings, TODAY, tomorrow) == before
    assert report(world) != before


def test_today_is_not_kept_before_it_is_over(world: World) -> None:
    busy(world)
    first = report_of(world.engine, world.settings, TODAY, NOW)
    world.now += timedelta(hours=1)
    world.add(charge("1004", occurred_at=ago(minutes=45))).complete().judge()
    assert report_of(world.engine, world.settings, TODAY, world.now) != first


def test_what_was_pulled_after_the_day_was_over_is_no_part_of_it(world: World) -> None:
    busy(world)
    at_the_end = report(world)["trends"]["received"]
    world.now = TODAY.end + timedelta(hours=6)
    world.add(charge("1004", occurred_at=ago(hours=1)))
    assert report(world)["trends"]["received"] == at_the_end


def test_trends_count_each_day_by_the_zones_clock_and_lose_nothing(world: World) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 12, 22, 23)]  # 25 hours long
    edge = datetime(2026, 10, 24, 21, 59, tzinfo=UTC)
    for number, moment in enumerate([edge, *moments]):
        world.add(charge(str(number), occurred_at=moment, amount_minor=100))
    with read(world.engine) as connection:
        found = facts(connection, world.settings, Period(date(2026, 11, 20), berlin), NOW)["trends"]
    day = dict(zip(found["days"], found["received"]["WMZ"], strict=True))
    assert (day["2026-10-24"], day["2026-10-25"], day["2026-10-26"]) == ("1.00", "4.00", "1.00")
    assert len(found["days"]) == 30


def test_a_day_without_a_run_is_unknown_and_not_nothing(world: World) -> None:
    busy(world)
    trends = report(world)["trends"]
    assert trends["at_stake"]["WMZ"][-1] is not None
    assert set(trends["at_stake"]["WMZ"][:-1]) == {None}
    assert trends["open"]["critical"][-1] >= 1


def test_weeks_begin_on_monday_and_months_have_their_length() -> None:
    friday = date(2026, 11, 20)
    assert around(friday, MOSCOW, "week").name == "2026-W47"
    assert (around(friday, MOSCOW, "week").first, around(friday, MOSCOW, "week").last) == (
        date(2026, 11, 16),
        date(2026, 11, 22),
    )
    assert around(date(2028, 2, 29), MOSCOW, "month").last == date(2028, 2, 29)
    assert last_whole(datetime(2026, 12, 31, 21, tzinfo=UTC), MOSCOW, "month").name == "2026-12"
    assert last_whole(datetime(2026, 12, 31, 20, tzinfo=UTC), MOSCOW, "month").name == "2026-11"


def test_the_report_and_its_message_name_the_head_of_the_audit_as_it_stood_at_the_run(world: World) -> None:
    busy(world)
    with read(world.engine) as connection:
        there = audit.head(connection)
    with write(world.engine) as connection:
        audit.record(connection, "test.later", "x", "Ann", world.now + timedelta(hours=1), {})
    document = report(world)
    assert there is not None
    assert document["audit"] == {"records": there.number, "head": there.hash}
    assert there.hash in brief(document, Voice("en", MOSCOW))
    with read(world.engine) as connection:
        assert audit.verify(connection, document["audit"]["head"]) is None
