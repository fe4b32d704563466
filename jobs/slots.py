"""Runs a job once for each due slot: a slot is done only when its work is, and an unfinished one is taken again."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from reconciler.errors import ReconcilerError
from reconciler.schema_books import job_runs
from reconciler.store.engine import read, write
from reconciler.store.upsert import upsert


def perform(engine: sa.Engine, job: str, slot: datetime, work: Callable[[], None], now: Callable[[], datetime]) -> bool:
    """Do the work of a slot unless it is done already; returns whether it was done now.

    A ReconcilerError is written down with the slot, which stays unfinished, and raised again.
    """
    with write(engine) as connection:
        if _is_done(connection, job, slot):
            return False
        upsert(connection, job_runs, [(job, slot, now(), None, None)])
    try:
        work()
    except ReconcilerError as error:
        _close(engine, job, slot, error=str(error), finished_at=None)
        raise
    _close(engine, job, slot, error=None, finished_at=now())
    return True


def unfinished(engine: sa.Engine) -> list[str]:
    """Jobs whose newest slot was begun and not finished: the process died in the middle, or the work failed."""
    newest = sa.select(job_runs.c.job, sa.func.max(job_runs.c.slot).label("slot")).group_by(job_runs.c.job).subquery()
    with read(engine) as connection:
        query = (
            sa.select(job_runs.c.job)
            .join(newest, sa.and_(newest.c.job == job_runs.c.job, newest.c.slot == job_runs.c.slot))
            .where(job_runs.c.finished_at.is_(None))
            .order_by(job_runs.c.job)
        )
        return list(connection.execute(query).scalars())


def _is_done(connection: sa.Connection, job: str, slot: datetime) -> bool:
    query = sa.select(job_runs.c.finished_at).where(job_runs.c.job == job, job_runs.c.slot == slot)
    return connection.execute(query).scalar_one_or_none() is not None


def _close(engine: sa.Engine, job: str, slot: datetime, *, error: str | None, finished_at: datetime | None) -> None:
    with write(engine) as connection:
        connection.execute(
            sa.update(job_runs)
            .where(job_runs.c.job == job, job_runs.c.slot == slot)
            .values(error=error, finished_at=finished_at)
        )
