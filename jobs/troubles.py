"""Looks at the program's own work: what is late, old, full or failing is known, shown and alerted."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.triggers import trigger
from providers import enabled
from reconciler.alerts.addresses import every
from reconciler.alerts.troubles import Trouble, Watched, troubles
from reconciler.schedule import Every, parse
from reconciler.schema import runs
from reconciler.schema_books import job_runs
from reconciler.schema_told import outbox
from reconciler.settings import Settings
from reconciler.store.alert_addresses import fates
from reconciler.store.engine import read
from reconciler.store.facts import feed_rows

JOBS = ("pull", "reconcile", "sweep", "report")
MISSED = 3
"""Slots that a job in minutes may miss; one by the clock has an hour."""
LEAST = timedelta(minutes=15)
LATE_BY_CLOCK = timedelta(hours=1)
GIVEN_UP = timedelta(days=2)
STALE_AFTER = 6


def find(connection: sa.Connection, settings: Settings, now: datetime) -> list[Trouble]:
    """Everything that is wrong with the work now."""
    return list(troubles(_watched(connection, settings, now), now))


def wrong(engine: sa.Engine, settings: Settings, area: str, now: datetime) -> str | None:
    """What is wrong in one area, in a line; None when all is well."""
    try:
        with read(engine) as connection:
            found = [one.title for one in find(connection, settings, now) if one.area == area]
    except sa.exc.SQLAlchemyError:
        return "unknown: the database does not answer"
    return "; ".join(found) or None


def main_feeds(settings: Settings) -> tuple[str, ...]:
    """The feeds whose age tells whether the work goes on."""
    return (*(f"{name}.sales" for name in enabled(settings)), "shop.orders")


def oldest_feed(settings: Settings) -> timedelta:
    """How old a feed may be: six pulls, and at least an hour; a pull by the clock is taken to come daily."""
    expression = parse(settings.schedule.pull)
    minutes = expression.minutes if isinstance(expression, Every) else 24 * 60
    return max(timedelta(hours=1), timedelta(minutes=STALE_AFTER * minutes))


def _watched(connection: sa.Connection, settings: Settings, now: datetime) -> Watched:
    rows = feed_rows(connection)
    wanted = {name: rows[name] for name in main_feeds(settings) if name in rows}
    table = outbox.c
    todo = sa.select(sa.func.count(), sa.func.min(table.due_at)).where(
        table.state == "todo", table.due_at <= now, table.failures == 0
    )
    waiting, due_since = connection.execute(todo).one()
    keys = {one.key for one in every(settings)}
    return Watched(
        jobs=_expected(connection, settings),
        feeds={name: (row.last_success_at, row.last_error) for name, row in wanted.items()},
        oldest_feed=oldest_feed(settings),
        waiting=waiting,
        due_since=due_since if settings.shop.commands.url or keys else None,
        failing={
            key: (one.failing_since, one.note)
            for key, one in fates(connection).items()
            if key in keys and one.failing_since is not None
        },
        held=_held(connection, keys),
    )


def _held(connection: sa.Connection, keys: set[str]) -> dict[str, int]:
    query = (
        sa.select(outbox.c.channel, sa.func.count())
        .where(outbox.c.state == "held", outbox.c.channel.in_(keys))
        .group_by(outbox.c.channel)
        .order_by(outbox.c.channel)
    )
    return {key: count for key, count in connection.execute(query)}


def _expected(connection: sa.Connection, settings: Settings) -> dict[str, datetime]:
    """By when each job that the daemon ran should have ended again; `run` does the work of two of them.

    Nothing is expected of a daemon that was given up for `run` by cron.
    """
    query = sa.select(job_runs.c.job, sa.func.max(job_runs.c.finished_at)).group_by(job_runs.c.job)
    ended = {job: at for job, at in connection.execute(query) if at is not None}
    run = connection.execute(sa.select(sa.func.max(runs.c.finished_at))).scalar()
    if not ended or (run is not None and run - max(ended.values()) > GIVEN_UP):
        return {}
    zone = ZoneInfo(settings.timezone)
    expected = {}
    for job in JOBS:
        last = max((at for at in (ended.get(job), run if job in {"pull", "reconcile"} else None) if at), default=None)
        if job in ended and last is not None:
            expected[job] = _due_after(getattr(settings.schedule, job), zone, last)
    return expected


def _due_after(expression: str, zone: ZoneInfo, last: datetime) -> datetime:
    parsed = parse(expression)
    if isinstance(parsed, Every):
        return last + max(MISSED * timedelta(minutes=parsed.minutes), LEAST)
    following = trigger(expression, zone, last).get_next_fire_time(None, last + timedelta(seconds=1))
    return (following or last + timedelta(days=366)) + LATE_BY_CLOCK
