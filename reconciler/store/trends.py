"""The course of the last days, counted day by day: what came in, what went back, what was at stake, what was open."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from reconciler.findings import SEVERITIES
from reconciler.model import Kind, Status
from reconciler.money import format_minor
from reconciler.report.document import severities
from reconciler.report.period import Period, midnight
from reconciler.schema import runs, transactions

DAYS = 30

Series = dict[str, list[Any]]


def trends(connection: sa.Connection, period: Period) -> dict[str, Any]:
    """Each series has one value a day, oldest first; what no run of the day has counted is None, not 0."""
    days = [period.last - timedelta(days=back) for back in reversed(range(DAYS))]
    edges = [midnight(day, period.zone) for day in (*days, period.after)]
    statements = _statements(connection, edges)
    table = transactions.c
    return {
        "days": [day.isoformat() for day in days],
        "received": _money(connection, edges, sa.and_(table.kind == Kind.CHARGE, table.status == Status.PAID)),
        "refunded": _money(connection, edges, sa.and_(table.kind != Kind.CHARGE, table.status != Status.WITHDRAWN)),
        "at_stake": _at_stake(statements),
        "open": _open(statements),
    }


def _money(connection: sa.Connection, edges: list[datetime], which: sa.ColumnElement[bool]) -> Series:
    """Sums by currency and day of the transactions that were known by the end."""
    table = transactions.c
    day = _day_of(table.occurred_at, edges)
    query = (
        sa.select(table.currency, day.label("day"), sa.func.sum(table.amount_minor))
        .where(which, table.occurred_at >= edges[0], table.occurred_at < edges[-1], table.first_seen_at < edges[-1])
        .group_by(table.currency, day)
    )
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * DAYS)
    for currency, number, minor in connection.execute(query):
        sums[currency][number] = int(minor)
    return {code: [format_minor(minor, code) for minor in sums[code]] for code in sorted(sums)}


def _statements(connection: sa.Connection, edges: list[datetime]) -> list[dict[str, Any] | None]:
    """The statement of each day's last run."""
    day = _day_of(runs.c.finished_at, edges)
    last = (
        sa.select(sa.func.max(runs.c.id))
        .where(runs.c.finished_at >= edges[0], runs.c.finished_at < edges[-1])
        .group_by(day)
    )
    found: list[dict[str, Any] | None] = [None] * DAYS
    query = sa.select(day, runs.c.statement).where(runs.c.id.in_(last))
    for number, statement in connection.execute(query):
        found[number] = statement
    return found


def _day_of(moment: sa.ColumnElement[datetime], edges: list[datetime]) -> sa.ColumnElement[int]:
    """Which of the days between the edges a moment is in: days differ in length, so it is looked up."""
    cases: list[Any] = [(moment < edge, sa.literal_column(str(number))) for number, edge in enumerate(edges[1:])]
    return sa.case(*cases, else_=sa.literal_column(str(DAYS)))


def _at_stake(statements: list[dict[str, Any] | None]) -> Series:
    codes = sorted({code for one in statements if one for code in one["at_stake"]})
    return {
        code: [None if one is None else one["at_stake"].get(code, format_minor(0, code)) for one in statements]
        for code in codes
    }


def _open(statements: list[dict[str, Any] | None]) -> Series:
    counts = [None if one is None else severities(one) for one in statements]
    return {name: [None if one is None else one[name] for one in counts] for name in SEVERITIES}
