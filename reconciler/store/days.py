"""Numbers by day for the charts: paid charges, and findings opened by kind."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.columns import to_us
from reconciler.report.period import Period, today
from reconciler.schema import findings, paid_counts, runs
from reconciler.statement import QUARTER_US

SHOWN = 30


def last_days(now: datetime, zone: ZoneInfo) -> list[Period]:
    """The last days up to today, oldest first."""
    last = today(now, zone).first
    return [Period(last - timedelta(days=back), zone) for back in reversed(range(SHOWN))]


def charges(connection: sa.Connection, days: Sequence[Period]) -> list[int]:
    """Paid charges by day, as the last run has counted them."""
    table = paid_counts.c
    counted = sa.func.coalesce(sa.func.sum(table.count), 0)
    edges = [(to_us(day.start) // QUARTER_US, to_us(day.end) // QUARTER_US) for day in days]
    queries = (sa.select(counted).where(table.quarter >= since, table.quarter < until) for since, until in edges)
    return [int(connection.execute(query).scalar_one()) for query in queries]


def opened(connection: sa.Connection, days: Sequence[Period]) -> dict[str, list[int]]:
    """Findings first seen by day, by kind; the most frequent kinds first."""
    totals: Counter[str] = Counter()
    rows: dict[str, list[int]] = {}
    for number, day in enumerate(days):
        for kind, count in connection.execute(_kinds(day)):
            rows.setdefault(kind, [0] * len(days))[number] = count
            totals[kind] += count
    return {kind: rows[kind] for kind, _ in sorted(totals.items(), key=lambda one: (-one[1], one[0]))}


def _kinds(day: Period) -> sa.Select[Any]:
    seen = findings.c.first_seen_at
    query = sa.select(findings.c.kind, sa.func.count()).where(seen >= day.start, seen < day.end)
    return query.group_by(findings.c.kind)


def with_runs(connection: sa.Connection, now: datetime, zone: ZoneInfo, limit: int = 60) -> list[dict[str, str]]:
    """The last days on which a run finished, newest first, each with the verdict of its last run."""
    found: list[dict[str, str]] = []
    day, table = today(now, zone), runs.c
    while len(found) < limit:
        query = sa.select(table.finished_at, table.verdict).where(table.finished_at < day.end)
        run = connection.execute(query.order_by(table.finished_at.desc()).limit(1)).one_or_none()
        if run is None:
            break
        day = today(run.finished_at, zone)
        found.append({"day": day.name, "verdict": run.verdict})
        day = Period(day.first - timedelta(days=1), zone)
    return found
