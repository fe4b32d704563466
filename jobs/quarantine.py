"""Reads quarantined records once more from where they came, with what is understood today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from jobs.pull import Pull
from jobs.run import utc_now, work_inbox
from jobs.windows import BEGINNING
from providers import build_providers, build_shop
from reconciler.schema import quarantine
from reconciler.settings import Settings
from reconciler.store import audit, inbox
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

    Webhooks are read again from where they are stored.
    A record is released when it comes in a form that is understood; the next run judges it.
    """
    before = _waiting(engine)
    if not before:
        return RetryResult(0, 0, [])
    with held(engine):
        problems = _pull_again(settings, engine, notify, now)
    problems += _read_webhooks_again(settings, engine, now)
    kept = sum(_waiting(engine).values())
    released = sum(before.values()) - kept
    with write(engine) as connection:
        said = {"released": released, "kept": kept, "sources": sorted(before)}
        audit.record(connection, "quarantine.retried", "quarantine", audit.OPERATOR, now(), said)
    return RetryResult(released, kept, problems)


def _pull_again(
    settings: Settings, engine: sa.Engine, notify: Callable[[str], None], now: Callable[[], datetime]
) -> list[str]:
    oldest = _held(engine)
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
    return problems


def _read_webhooks_again(settings: Settings, engine: sa.Engine, now: Callable[[], datetime]) -> list[str]:
    """Webhooks cannot be pulled; their stored bodies are read anew."""
    with write(engine) as connection:
        held_ones = inbox.numbers(connection, (inbox.UNKNOWN, inbox.UNREADABLE))
        inbox.again(connection, held_ones, now())
    return work_inbox(settings, engine, now=now) if held_ones else []


def _held(engine: sa.Engine) -> dict[str, datetime]:
    """The sources that have held records of theirs to pull again, with when the oldest was first seen."""
    query = (
        sa.select(quarantine.c.provider, sa.func.min(quarantine.c.first_seen_at))
        .where(quarantine.c.released_at.is_(None), ~quarantine.c.source.endswith(".webhooks"))
        .group_by(quarantine.c.provider)
    )
    with read(engine) as connection:
        return {provider: seen for provider, seen in connection.execute(query)}


def _waiting(engine: sa.Engine) -> dict[str, int]:
    """How many records are held, by where they came from."""
    query = sa.select(quarantine.c.provider, sa.func.count()).where(quarantine.c.released_at.is_(None))
    with read(engine) as connection:
        return {provider: count for provider, count in connection.execute(query.group_by(quarantine.c.provider))}
