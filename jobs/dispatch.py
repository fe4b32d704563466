"""Delivers what is due in the outbox: claims it, sends it outside of any transaction, and only then marks it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
import structlog

from jobs.alert_channels import Spread, Written
from jobs.alert_gate import passing
from reconciler.alerts.addresses import every
from reconciler.command_channel import CommandChannel
from reconciler.outbox import COMMAND, Failed, Outcome, Refused, Sent, retry_at
from reconciler.settings import Settings
from reconciler.store import audit, outbox
from reconciler.store.alert_seen import HELD
from reconciler.store.alerts import ALERT, raise_alert
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
    """A way to deliver entries of one kind; `kind` is what the audit calls them."""

    @property
    def name(self) -> str:
        """The channel's name in the outbox."""

    @property
    def kind(self) -> str:
        """`command` or `alert`."""

    def deliver(self, key: str, body: str, *, begin_by_s: float, end_by_s: float) -> Outcome:
        """Try once, between now and two moments of the monotonic clock; what goes wrong is the outcome."""


@dataclass(slots=True)
class Delivered:
    """What a pass came to: what left the program, by what became of the attempt."""

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
    channels = {channel.name: channel for channel in _channels(settings, engine, now)}
    total = Delivered()
    while not stopped():
        started_s = time.monotonic()
        claims = _claim(settings, engine, list(channels), now())
        if not claims:
            break

        def attempt(claimed: Claim, started_s: float = started_s) -> Outcome:
            return _attempt(engine, channels[claimed.channel], claimed, started_s, now)

        with ThreadPoolExecutor(len(claims)) as threads:
            outcomes = list(threads.map(attempt, claims))
        _count(total, [one for claimed, one in zip(claims, outcomes, strict=True) if claimed.channel != ALERT])
        if all(isinstance(outcome, Failed) for outcome in outcomes):
            break
    return total


def _channels(settings: Settings, engine: sa.Engine, now: Callable[[], datetime]) -> Iterator[Channel]:
    """The channels that are configured; entries of the others wait, and their patience has not begun."""
    commands = settings.shop.commands
    if commands.url:
        yield CommandChannel(commands, now)
    yield Spread(settings, engine, now)
    for address in every(settings):
        yield Written(address, settings, engine, now)


def _claim(settings: Settings, engine: sa.Engine, channels: list[str], now: datetime) -> list[Claim]:
    """Of commands what is due; of messages what each address may have now."""
    with read(engine) as connection:
        if not outbox.due(connection, channels, now):
            return []
    addresses = every(settings)
    ungated = sorted(set(channels) - {one.key for one in addresses})
    with write(engine) as connection:
        also = passing(connection, settings, addresses, now)
        return outbox.claim(connection, ungated, now, holder=me(), is_gone=is_gone, limit=AT_ONCE, also=also)


def _attempt(
    engine: sa.Engine, channel: Channel, claimed: Claim, started_s: float, now: Callable[[], datetime]
) -> Outcome:
    outcome = channel.deliver(
        claimed.key, claimed.body, begin_by_s=started_s + BEGIN_WITHIN_S, end_by_s=started_s + END_WITHIN_S
    )
    at = now()
    if isinstance(outcome, Failed):
        due_at = retry_at(at, claimed.trying_since, claimed.failures + 1, outcome)
        if due_at is not None:
            with write(engine) as connection:
                outbox.failed(connection, claimed, at, outcome.note, due_at)
            return outcome
        outcome = Refused(f"given up after three days: {outcome.note}")
    _finish(engine, channel.kind, claimed, at, outcome)
    return outcome


def _finish(engine: sa.Engine, kind: str, claimed: Claim, at: datetime, outcome: Sent | Refused) -> None:
    """The end of an entry, with its audit record in one transaction, unless somebody else has taken it over."""
    is_sent = isinstance(outcome, Sent)
    mark = outbox.sent if is_sent else outbox.held
    with write(engine) as connection:
        if not mark(connection, claimed, at, outcome.note):
            log.warning("another process took over", key=claimed.key, note=outcome.note)
            return
        event = f"{kind}.{'sent' if is_sent else 'held'}"
        data = {"attempt": claimed.epoch, "note": outcome.note}
        audit.record(connection, event, claimed.key, audit.PROGRAM, at, data)
        if kind == COMMAND and not is_sent:
            _call_a_person(connection, claimed, at, outcome.note)
    if not is_sent:
        queue = "outbox" if kind == COMMAND else "alerts"
        advice = f"see `reconciler {queue} list`; `reconciler {queue} retry` tries again"
        log.error(f"{kind} held", key=claimed.key, reason=outcome.note, advice=advice)


def _call_a_person(connection: sa.Connection, claimed: Claim, at: datetime, note: str) -> None:
    """A held command is an alert (contract section 6), once for each time that it is held."""
    raise_alert(
        connection,
        f"{HELD}{claimed.key}:{claimed.epoch}",
        "critical",
        "A command to the shop is held",
        f"{claimed.key}: {note}. Mend the cause, then `reconciler outbox retry {claimed.key}`.",
        at,
    )


def _count(total: Delivered, outcomes: list[Outcome]) -> None:
    total.sent += sum(isinstance(outcome, Sent) for outcome in outcomes)
    total.failed += sum(isinstance(outcome, Failed) for outcome in outcomes)
    total.held += sum(isinstance(outcome, Refused) for outcome in outcomes)
