"""The books of the program's own work: runs with their verdicts and statements."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.schema import runs


def begin_run(connection: sa.Connection, now: datetime) -> int:
    """Open a run and return its id."""
    key = connection.execute(sa.insert(runs).values(started_at=now)).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no id for a new run")
    return int(key[0])


def end_run(
    connection: sa.Connection, run_id: int, now: datetime, verdict: str, statement: dict[str, Any], problems: list[str]
) -> None:
    """Close a run with what it came to."""
    connection.execute(
        sa.update(runs)
        .where(runs.c.id == run_id)
        .values(finished_at=now, verdict=verdict, statement=statement, problems=problems)
    )


def last_run(connection: sa.Connection, before: datetime | None = None) -> dict[str, Any] | None:
    """The newest finished run, or the newest that finished before a time."""
    query = sa.select(runs).where(runs.c.finished_at.is_not(None)).order_by(runs.c.id.desc()).limit(1)
    if before is not None:
        query = query.where(runs.c.finished_at < before)
    row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def recent_runs(connection: sa.Connection, count: int = 5) -> list[dict[str, Any]]:
    """The newest runs, newest first, unfinished ones included."""
    query = sa.select(runs).order_by(runs.c.id.desc()).limit(count)
    return [dict(row) for row in connection.execute(query).mappings()]
