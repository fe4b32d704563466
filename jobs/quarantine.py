"""Reads quarantined records once more from where they came, with what is understood today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from jobs.pull import Pull
from jobs.run import utc_now
from jobs.windows import BEGINNING
from providers import build_providers, build_shop
from reconciler.schema import quarantine
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.engine import read, write
from reconciler.store.facts import expire_feeds
from reconciler.store.lease import held
from reconciler.store.looks import retry_all


@dataclass(frozen=True, slots=True)
class RetryResult:
    """How many records left quarantine, how many stay, and what could not be read."""

    released: int
    kept: int
    problems: list[str]


def retry(
    settings: Settings,
    engine: sa.Engine,
    notify: Callable[[str], None] = lambda _line: None,
    *,
    now: Callable[[], datetime] = utc_now,
) -> RetryResult:
    """Read the sources of held records again, far enough back to reach each of them; raises Retryable.

    A record is released when it comes in a form that is understood; the next run judges it.
    """
    with held(engine):
        oldest = _held(engine)
        if not oldest:
            return RetryResult(0, 0, [])
        before = _count(engine)
        problems: list[str] = []
        reach = timedelta(days=settings.schedule.initial_days)
        for provider in build_providers(settings, now=now):
            if provider.name in oldest:
                with write(engine) as connection:
                    expire_feeds(connection, f"{provider.name}.sweep")
                    retry_all(connection, provider.name)
                since = oldest[provider.name] - reach
                problems += Pull(engine, settings.schedule, now, notify, since=since).run([provider], None)
            provider.close()
        if "shop" in oldest:
            shop = build_shop(settings, now=now)
            problems += Pull(engine, settings.schedule, now, notify, since=BEGINNING).run([], shop)
            shop.close()
        kept = _count(engine)
        with write(engine) as connection:
            said = {"released": before - kept, "kept": kept, "sources": sorted(oldest)}
            audit.record(connection, "quarantine.retried", "quarantine", audit.OPERATOR, now(), said)
    return RetryResult(before - kept, kept, problems)


def _held(engine: sa.Engine) -> dict[str, datetime]:
    """The sources that have held records, with when the oldest of them was first seen."""
    query = (
        sa.select(quarantine.c.provider, sa.func.min(quarantine.c.first_seen_at))
        .where(quarantine.c.released_at.is_(None))
        .group_by(quarantine.c.provider)
    )
    with read(engine) as connection:
        return {provider: seen for provider, seen in connection.execute(query)}


def _count(engine: sa.Engine) -> int:
    query = sa.select(sa.func.count()).select_from(quarantine).where(quarantine.c.released_at.is_(None))
    with read(engine) as connection:
        return int(connection.execute(query).scalar_one())
