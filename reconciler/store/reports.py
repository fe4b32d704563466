"""Takes a day's report out of the stored facts: the same facts give the same document."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.findings import public
from reconciler.policy import CLAUSES
from reconciler.report.document import Day, Document, build
from reconciler.schema import finding_events
from reconciler.store.findings import findings_as_of
from reconciler.store.runs import last_run


def day_report(connection: sa.Connection, day: Day) -> Document | None:
    """The report of a day as it stood at the day's end; None when no run had finished by then."""
    run = last_run(connection, day.end)
    if run is None:
        return None
    return build(day, run["statement"], standing(connection, day.end), fresh=_fresh(connection, day), clauses=CLAUSES)


def today(now: datetime, zone: ZoneInfo) -> Day:
    """The day that a moment belongs to in a zone."""
    return Day(now.astimezone(zone).date(), zone)


def standing(connection: sa.Connection, at: datetime) -> Iterable[dict[str, Any]]:
    """Every finding as it stood at a time, in its public form, with the reason why a resolved one went away."""
    return [{**public(row), "resolution": row["resolution"]} for row in findings_as_of(connection, at)]


def _fresh(connection: sa.Connection, day: Day) -> set[str]:
    """The findings that were opened or came back on the day."""
    events = finding_events.c
    query = sa.select(events.finding_id).where(
        events.event.in_(["opened", "reopened"]), events.at >= day.start, events.at < day.end
    )
    return set(connection.execute(query).scalars())
