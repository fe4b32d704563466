"""The main job, once: pull, match, judge, deliver what is due, and say what it came to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from jobs.alerts import tick
from jobs.crosscheck import crosscheck
from jobs.dispatch import Delivered, dispatch
from jobs.inbox import Inbox
from jobs.pull import Pull
from jobs.reconcile import UNRELIABLE, Judged, reconcile
from jobs.retention import remove_outdated
from providers import NAMES, build_providers, build_receivers, build_shop, enabled
from providers.base import Provider
from reconciler.errors import ConfigError
from reconciler.settings import Settings
from reconciler.store import inbox
from reconciler.store.engine import read, write
from reconciler.store.findings import Changes
from reconciler.store.lease import held
from reconciler.timing import step


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the caller wants of a run; `only` restricts the pull to one provider (the shop is always read)."""

    since: datetime | None = None
    until: datetime | None = None
    dry_run: bool = False
    only: str | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to; `findings` are the open ones and those resolved by it, in their public form, oldest first."""

    run_id: int | None
    verdict: str
    statement: dict[str, Any]
    findings: list[dict[str, Any]]
    changes: Changes
    problems: list[str] = field(default_factory=list)
    delivered: Delivered = field(default_factory=Delivered)

    @property
    def good(self) -> bool:
        """Whether the result can be relied on."""
        return self.verdict not in UNRELIABLE


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def run_once(
    settings: Settings,
    engine: sa.Engine,
    options: RunOptions = RunOptions(),
    notify: Callable[[str], None] = lambda _line: None,
    *,
    now: Callable[[], datetime] = utc_now,
    stopped: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Pull, match and judge under the lease, then deliver what is due.

    Raises ConfigError for a provider that is not enabled, Retryable when another process is at work. A source that
    is down does not raise: its line is among the problems and the verdict is `incomplete`.
    """
    _check_only(settings, options.only)
    with held(engine) as lease:
        with step("pull"):
            pull(settings, engine, options, notify, now=now, stopped=stopped)
        with step("judge"):
            judged: Judged = reconcile(settings, engine, now, lease=lease, dry_run=options.dry_run, notify=notify)
        if not options.dry_run:
            remove_outdated(settings, engine, now(), lease=lease)
    with step("deliver"):
        delivered = Delivered() if options.dry_run else _deliver(settings, engine, now, stopped)
    return RunResult(
        judged.run_id if not options.dry_run else None,
        judged.verdict,
        judged.statement,
        judged.findings,
        judged.changes,
        judged.problems,
        delivered,
    )


def _deliver(
    settings: Settings, engine: sa.Engine, now: Callable[[], datetime], stopped: Callable[[], bool]
) -> Delivered:
    tick(settings, engine, now())
    return dispatch(settings, engine, now=now, stopped=stopped)


def pull(
    settings: Settings,
    engine: sa.Engine,
    options: RunOptions,
    notify: Callable[[str], None],
    *,
    now: Callable[[], datetime] = utc_now,
    stopped: Callable[[], bool] = lambda: False,
    give_way: Callable[[], None] = lambda: None,
) -> list[str]:
    """Read every source once, then the inbox, and store what they give; a line for each thing that went wrong."""
    providers = build_providers(settings, now=now)
    chosen = [provider for provider in providers if options.only in {None, provider.name}]
    shop = build_shop(settings, now=now)
    job = Pull(engine, settings.schedule, now, notify, stopped, options.since, options.until)
    try:
        return [*job.run(chosen, shop), *_inbox(settings, engine, lambda: providers, now, stopped, give_way)]
    finally:
        for source in (*providers, shop):
            source.close()


def work_inbox(
    settings: Settings,
    engine: sa.Engine,
    *,
    now: Callable[[], datetime] = utc_now,
    stopped: Callable[[], bool] = lambda: False,
    give_way: Callable[[], None] = lambda: None,
) -> list[str]:
    """Work through the webhooks that are due, under the lease; without any, nothing is done. Raises Retryable."""
    with read(engine) as connection:
        if not inbox.work_left(connection, enabled(settings), now()):
            return []
    built: list[Provider] = []

    def providers() -> list[Provider]:
        built.extend(build_providers(settings, now=now))
        return built

    try:
        with held(engine):
            return _inbox(settings, engine, providers, now, stopped, give_way)
    finally:
        for provider in built:
            provider.close()


@step("webhooks")
def _inbox(
    settings: Settings,
    engine: sa.Engine,
    providers: Callable[[], Iterable[Provider]],
    now: Callable[[], datetime],
    stopped: Callable[[], bool],
    give_way: Callable[[], None],
) -> list[str]:
    receivers = build_receivers(settings)
    problems = Inbox(engine, {one.name: one for one in receivers}, providers, now, stopped, give_way).work()
    with write(engine) as connection:
        crosscheck(connection, receivers, timedelta(minutes=settings.policy.grace_minutes), now())
    return problems


def _check_only(settings: Settings, only: str | None) -> None:
    if only is not None and only not in enabled(settings):
        known = ", ".join(NAMES)
        raise ConfigError(f"--only {only}: no such provider is enabled; providers are {known}")
