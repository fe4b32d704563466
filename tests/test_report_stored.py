"""The report out of the store: a past day stays as it was, whatever happened since."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from reconciler.findings import finding_id
from reconciler.model import Finding
from reconciler.report.period import Period, today
from reconciler.settings import Settings
from reconciler.store.engine import read, write
from reconciler.store.findings import save_findings
from reconciler.store.reports import make_report
from reconciler.store.runs import begin_run, end_run
from tests.report_samples import MOSCOW, statement
from tests.stores import engine, url

__all__ = ["engine", "url"]

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)


def undelivered(ref: str, **changes: Any) -> Finding:
    """A finding about charge `ref`."""
    values: dict[str, Any] = {"amount_minor": 700, "currency": "RUB", "explanation": f"Charge {ref} was not delivered."}
    return Finding("undelivered_order", f"charge:{ref}", "critical", "digiseller", (ref,), **(values | changes))


def run(engine: sa.Engine, at: datetime, *found: Finding, verdict: str = "findings") -> None:
    """A run that finishes at a time and finds these."""
    with write(engine) as connection:
        run_id = begin_run(connection, at)
        save_findings(connection, found, run_id, at)
        end_run(connection, run_id, at, verdict, statement(at=at.isoformat(), verdict=verdict), [])


def report(engine: sa.Engine, day: date) -> dict[str, Any] | None:
    """The report of a day in Moscow."""
    with read(engine) as connection:
        return make_report(connection, Settings(), Period(day, MOSCOW))


def ids(report: dict[str, Any] | None, listing: str) -> list[str]:
    """The ids of a report's list."""
    assert report is not None
    return [row["id"] for row in report["findings"][listing]]


def test_a_past_day_stays_as_it_was(engine: sa.Engine) -> None:
    run(engine, MONDAY, undelivered("1"), undelivered("2"))
    before = report(engine, MONDAY.date())
    run(engine, MONDAY + timedelta(days=1), undelivered("2", explanation="It is worse now."), undelivered("3"))
    assert report(engine, MONDAY.date()) == before
    one, two, three = (finding_id("undelivered_order", f"charge:{ref}") for ref in "123")
    tuesday = report(engine, MONDAY.date() + timedelta(days=1))
    assert ids(before, "new") == sorted([one, two])
    assert ids(tuesday, "new") == [three]
    assert ids(tuesday, "persisting") == [two]
    assert ids(tuesday, "resolved") == [one]
    assert tuesday is not None
    assert tuesday["findings"]["resolved"][0]["resolution"]
    assert tuesday["findings"]["persisting"][0]["explanation"] == "It is worse now."


def test_what_was_resolved_on_an_earlier_day_is_gone(engine: sa.Engine) -> None:
    run(engine, MONDAY, undelivered("1"))
    run(engine, MONDAY + timedelta(days=1))
    run(engine, MONDAY + timedelta(days=2))
    wednesday = report(engine, MONDAY.date() + timedelta(days=2))
    assert [ids(wednesday, listing) for listing in ("new", "persisting", "resolved")] == [[], [], []]


def test_a_finding_that_comes_back_is_new_on_that_day(engine: sa.Engine) -> None:
    run(engine, MONDAY, undelivered("1"))
    run(engine, MONDAY + timedelta(days=1))
    run(engine, MONDAY + timedelta(days=2), undelivered("1"))
    assert len(ids(report(engine, MONDAY.date() + timedelta(days=2)), "new")) == 1


def test_the_last_run_of_the_day_gives_the_statement(engine: sa.Engine) -> None:
    evening = datetime(2026, 11, 16, 20, 59, tzinfo=UTC)  # 23:59 in Moscow
    run(engine, MONDAY)
    run(engine, evening)
    run(engine, evening + timedelta(minutes=1))
    monday = report(engine, MONDAY.date())
    assert monday is not None
    assert monday["run_at"] == evening.isoformat()


def test_before_the_first_run_there_is_no_report(engine: sa.Engine) -> None:
    run(engine, MONDAY)
    assert report(engine, MONDAY.date() - timedelta(days=1)) is None


def test_today_is_what_the_zones_clock_shows() -> None:
    assert today(datetime(2026, 11, 16, 21, tzinfo=UTC), MOSCOW).first == date(2026, 11, 17)
