"""Takes a period's report out of the stored facts, and keeps it once the period is over: it is written once."""

import json
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.findings import public
from reconciler.policy import CLAUSES
from reconciler.report.document import Document, build
from reconciler.report.period import Period
from reconciler.schema import finding_events
from reconciler.schema_reports import reports
from reconciler.settings import Settings
from reconciler.store.engine import read, write
from reconciler.store.findings import findings_as_of
from reconciler.store.report_facts import facts
from reconciler.store.runs import last_run


def report_of(engine: sa.Engine, settings: Settings, period: Period, now: datetime) -> Document | None:
    """The report of a period: as it was written when the period was over, or as far as it has come by now.

    None when no run had finished by its end.
    """
    with read(engine) as connection:
        document = _kept(connection, period)
        if document is not None:
            return document
        document = make_report(connection, settings, period)
    if document is None or period.end > now:
        return document
    with write(engine) as connection:
        return _keep(connection, period, document, now)


def make_report(connection: sa.Connection, settings: Settings, period: Period) -> Document | None:
    """The report of a period as it stood at its end, from the facts; None when no run had finished by then."""
    run = last_run(connection, period.end)
    if run is None:
        return None
    return build(
        period,
        run["statement"],
        standing(connection, period.end),
        fresh=_fresh(connection, period),
        clauses=CLAUSES,
        facts=facts(connection, settings, period, run["finished_at"]),
    )


def standing(connection: sa.Connection, at: datetime) -> Iterable[dict[str, Any]]:
    """Every finding as it stood at a time, in its public form, with the reason why a resolved one went away."""
    return [{**public(row), "resolution": row["resolution"]} for row in findings_as_of(connection, at)]


def _fresh(connection: sa.Connection, period: Period) -> set[str]:
    """The findings that were opened or came back in the period."""
    events = finding_events.c
    query = sa.select(events.finding_id).where(
        events.event.in_(["opened", "reopened"]), events.at >= period.start, events.at < period.end
    )
    return set(connection.execute(query).scalars())


def _kept(connection: sa.Connection, period: Period) -> Document | None:
    query = sa.select(reports.c.document).where(_is(period))
    body = connection.execute(query).scalar_one_or_none()
    return None if body is None else json.loads(zlib.decompress(body))


def _keep(connection: sa.Connection, period: Period, document: Document, now: datetime) -> Document:
    """Write a report down unless somebody else was quicker; returns the one that counts."""
    there = _kept(connection, period)
    if there is not None:
        return there
    body = json.dumps(document, ensure_ascii=False).encode()
    values = {"length": period.length, "first_day": period.first, "zone": period.zone.key, "made_at": now}
    connection.execute(sa.insert(reports).values(document=zlib.compress(body), **values))
    return document


def _is(period: Period) -> sa.ColumnElement[bool]:
    table = reports.c
    return sa.and_(table.length == period.length, table.first_day == period.first, table.zone == period.zone.key)
