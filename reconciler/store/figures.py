"""The figures by which the program is watched: ages, lengths and counts, read from the store."""

from datetime import datetime

import sqlalchemy as sa

from reconciler import schema, schema_books
from reconciler.findings import OPEN
from reconciler.store import inbox, outbox
from reconciler.store.facts import feed_rows
from reconciler.store.runs import last_run

Sample = tuple[list[str], float]
Figures = dict[str, tuple[str, list[str], list[Sample]]]
"""By name: what it is, its labels, and a number for each combination of them."""


def gather(connection: sa.Connection, now: datetime) -> Figures:
    """Everything as of now; times are seconds since 1970, ages seconds."""
    run = last_run(connection)
    lasted: list[Sample] = [] if run is None else [([], (run["finished_at"] - run["started_at"]).total_seconds())]
    finished: list[Sample] = [] if run is None else [([], run["finished_at"].timestamp())]
    verdict: list[Sample] = [] if run is None else [([run["verdict"]], 1.0)]
    return {
        "feed_age_seconds": ("Time since a feed was last read to its end.", ["feed"], _ages(connection, now)),
        "run_duration_seconds": ("How long the last run took.", [], lasted),
        "last_run_timestamp_seconds": ("When the last run finished.", [], finished),
        "last_run_verdict": ("1 for the verdict of the last run.", ["verdict"], verdict),
        "last_success_timestamp_seconds": ("When a job last succeeded.", ["job"], _jobs(connection)),
        "findings_open": ("Open findings.", ["kind", "severity"], _findings(connection)),
        "webhooks_waiting": ("Events that have work left.", [], [([], inbox.waiting(connection))]),
        "outbox_entries": ("Entries of the outbox that are not sent.", ["channel", "state"], _outbox(connection)),
        "quarantine_waiting": ("Records in quarantine.", [], [([], _quarantine(connection))]),
    }


def _ages(connection: sa.Connection, now: datetime) -> list[Sample]:
    return [
        ([name], (now - row.last_success_at).total_seconds())
        for name, row in sorted(feed_rows(connection).items())
        if row.last_success_at is not None
    ]


def _jobs(connection: sa.Connection) -> list[Sample]:
    table = schema_books.job_runs.c
    query = sa.select(table.job, sa.func.max(table.finished_at)).where(table.finished_at.is_not(None))
    return [([job], at.timestamp()) for job, at in connection.execute(query.group_by(table.job).order_by(table.job))]


def _findings(connection: sa.Connection) -> list[Sample]:
    table = schema.findings.c
    query = sa.select(table.kind, table.severity, sa.func.count()).where(table.status == OPEN)
    rows = connection.execute(query.group_by(table.kind, table.severity).order_by(table.kind, table.severity))
    return [([kind, severity], count) for kind, severity, count in rows]


def _outbox(connection: sa.Connection) -> list[Sample]:
    lengths = outbox.lengths(connection)
    return [([channel, state], many) for channel, states in lengths.items() for state, many in states.items()]


def _quarantine(connection: sa.Connection) -> int:
    table = schema.quarantine
    query = sa.select(sa.func.count()).select_from(table).where(table.c.released_at.is_(None))
    return int(connection.execute(query).scalar_one())
