"""Delivers what is due in the outbox: claims it, sends it outside of any transaction, and only then marks it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
import structlog

from reconciler.command_channel import CommandChannel
from reconciler.outbox import Failed, Outcome, Refused, Sent, retry_at
from reconciler.settings import Settings
from reconciler.store import audit, outbox
from reconciler.store.engine import read, write
from reconciler.store.lease import is_gone, me
from reconciler.store.outbox import Claim

AT_ONCE = 8
"""Entries that are delivered side by side, each of another sequence."""
BEGIN_WITHIN_S = 15.0
END_WITHIN_S = 30.0
"""Counted from before the claim, and well inside its term: who is late sends nothing, and nobody sends for longer."""

log = structlog.get_logger()


class Channel(Protocol):
    """A way to deliver entries of one kind."""

    name: str

    def deliver(self, key: str, body: str, *, begin_by_s: float, end_by_s: float) -> Outcome:
        """Try once, between now and two moments of the monotonic clock; what goes wrong is the outcome."""


@dataclass(slots=True)
class Delivered:
    """What a pass came to: entries by what became of their attempt."""

    sent: int = 0
    failed: int = 0
    held: int = 0


def dispatch(
    settings: Settings,
    engine: sa.Engine,
    *,
    now: Callable[[], datetime],
    stopped: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Deliver what is due until nothing is, or nobody answers: then the rest waits for the next pass.

    Any number of processes may do so at once: an entry is claimed by one, and a late one changes nothing.
    """
    channels = {channel.name: channel for channel in _channels(settings, now)}
    total = Delivered()
    while channels and not stopped():
        started_s = time.monotonic()
        claims = _claim(engine, list(channels), now())
        if not claims:
            break

        def attempt(claimed: Claim, started_s: float = started_s) -> Outcome:
            return _attempt(engine, channels[claimed.channel], claimed, started_s, now)

        with ThreadPoolExecutor(len(claims)) as threads:
            outcomes = list(threads.map(attempt, claims))
        _count(total, outcomes)
        if all(isinstance(outcome, Failed) for outcome in outcomes):
            break
    return total


def _channels(settings: Settings, now: Callable[[], datetime]) -> Sequence[Channel]:
    """The channels that are configured; entries of the others wait, and their patience has not begun."""
    commands = settings.shop.commands
    return [CommandChannel(commands, now)] if commands.url else []


def _claim(engine: sa.Engine, channels: list[str], now: datetime) -> list[Claim]:
    with read(engine) as connection:
        if not outbox.due(connection, channels, now):
            return []
    with write(engine) as connection:
        return outbox.claim(connection, channels, now, holder=me(), is_gone=is_gone, limit=AT_ONCE)


def _attempt(
    engine: sa.Engine, channel: Channel, claimed: Claim, started_s: float, now: Callable[[], datetime]
) -> Outcome:
    outcome = channel.deliver(
        claimed.key, claimed.body, begin_by_s=started_s + BEGIN_WITHIN_S, end_by_s=started_s + END_WITHIN_S
    )
    at = now()
    if isinstance(outcome, Failed):
        due_at = retry_at(at, claimed.trying_since, claimed.failures + 1, outcome.asked)
        if due_at is not None:
            with write(engine) as connection:
                outbox.failed(connection, claimed, at, outcome.note, due_at)
            return outcome
        outcome = Refused(f"given up after three days: {outcome.note}")
    _finish(engine, claimed, at, outcome)
    return outcome


def _finish(engine: sa.Engine, claimed: Claim, at: datetime, outcome: Sent | Refused) -> None:
    """The end of an entry, with its audit record in one transaction, unless somebody else has taken it over."""
    is_sent = isinstance(outcome, Sent)
    mark = outbox.sent if is_sent else outbox.held
    with write(engine) as connection:
        if not mark(connection, claimed, at, outcome.note):
            log.warning("another process took over", key=claimed.key, note=outcome.note)
            return
        kind = f"{claimed.channel}.{'sent' if is_sent else 'held'}"
        data = {"attempt": claimed.epoch, "note": outcome.note}
        audit.record(connection, kind, claimed.key, audit.PROGRAM, at, data)
    if not is_sent:
        advice = "see `reconciler outbox list`; `reconciler outbox retry` tries again"
        log.error(f"{claimed.channel} held", key=claimed.key, reason=outcome.note, advice=advice)


def _count(total: Delivered, outcomes: list[Outcome]) -> None:
    total.sent += sum(isinstance(outcome, Sent) for outcome in outcomes)
    total.failed += sum(isinstance(outcome, Failed) for outcome in outcomes)
    total.held += sum(isinstance(outcome, Refused) for outcome in outcomes)
