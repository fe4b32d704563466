"""The scheduled jobs for people: when each last ran, how long it took, when it comes next, and whether it is late."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from apscheduler.triggers.cron import CronTrigger

from reconciler.findings import iso
from reconciler.schedule import Every, parse
from reconciler.schema import job_runs
from reconciler.settings import Settings

JOBS = ("pull", "reconcile", "sweep", "report")
PATIENCE = timedelta(minutes=15)
"""How long after its time a job may begin before it is called late."""


def jobs(connection: sa.Connection, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """Each job as it stands now; times as ISO texts, the duration in seconds."""
    return [_job(connection, name, getattr(settings.schedule, name), ZoneInfo(settings.timezone), now) for name in JOBS]


def next_time(expression: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """When a schedule comes next after a moment."""
    parsed = parse(expression)
    if isinstance(parsed, Every):
        return after + timedelta(minutes=parsed.minutes)
    minute, hour, day, month, day_of_week = parsed.fields
    trigger = CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week, timezone=zone)
    found: datetime | None = trigger.get_next_fire_time(None, after + timedelta(seconds=1))
    return None if found is None else found.astimezone(UTC)


def _job(connection: sa.Connection, name: str, schedule: str, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    query = sa.select(job_runs).where(job_runs.c.job == name).order_by(job_runs.c.slot.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    due = None if row is None else next_time(schedule, row.slot, zone)
    finished = None if row is None else row.finished_at
    return {
        "name": name,
        "schedule": schedule,
        "state": _state(row, due, now),
        "error": None if row is None else row.error,
        "started_at": None if row is None else iso(row.started_at),
        "finished_at": iso(finished),
        "took_s": None if row is None or finished is None else round((finished - row.started_at).total_seconds(), 1),
        "next_at": iso(due if due is not None and due > now else next_time(schedule, now, zone)),
    }


def _state(row: Any, due: datetime | None, now: datetime) -> str:
    if row is None:
        return "never"
    if row.error is not None:
        return "failed"
    if due is not None and now > due + PATIENCE:
        return "late"
    return "running" if row.finished_at is None else "done"
