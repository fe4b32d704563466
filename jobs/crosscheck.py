"""Holds webhooks against the pull: sales without their event, and providers that have fallen silent."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa

from providers.base import Receiver
from reconciler.store import inbox, webhook_gaps

LOOKBACK = timedelta(days=3)
"""How far back charges are held against events: a little more than the pull's overlap."""
REMEMBERED = 500
FEWEST = 20
PATIENCE = 2
LEAST_SILENCE = timedelta(hours=1)


def crosscheck(connection: sa.Connection, receivers: Iterable[Receiver], grace: timedelta, now: datetime) -> None:
    """Bring the gaps of every provider up to date; nothing is expected before its first delivery ever received."""
    for receiver in receivers:
        first = inbox.first_received(connection, receiver.name)
        if first is None:
            continue
        webhook_gaps.drop_told(connection, receiver.name, receiver.telling)
        since, until = max(first, now - LOOKBACK), now - grace
        for ref, at in webhook_gaps.charges_without_event(
            connection, receiver.name, receiver.telling, receiver.told_forms, since, until
        ):
            webhook_gaps.add(connection, receiver.name, webhook_gaps.NO_WEBHOOK, ref, at, at, now)
        _silence(connection, receiver.name, now)


def _silence(connection: sa.Connection, provider: str, now: datetime) -> None:
    webhook_gaps.remove(connection, provider, (webhook_gaps.SILENT,))
    times = inbox.newest(connection, provider, REMEMBERED)
    limit = longest_silence(times)
    if limit is not None and now - times[0] > limit:
        webhook_gaps.add(connection, provider, webhook_gaps.SILENT, provider, times[0], times[0] + limit, now)


def longest_silence(times: Sequence[datetime]) -> timedelta | None:
    """The silence that the rhythm of receptions (newest first) still explains: twice the longest one so far.

    None while too few came in to have a rhythm: fewer than twenty, or all of them within a day, so that no night
    is among them.
    """
    if len(times) < FEWEST or times[0] - times[-1] < timedelta(days=1):
        return None
    pauses = [later - earlier for later, earlier in pairwise(times)]
    return max(LEAST_SILENCE, PATIENCE * max(pauses))


def missed(
    connection: sa.Connection, receivers: Iterable[Receiver], before: datetime | None, now: datetime
) -> list[str]:
    """Note what nobody can have received: a downtime longer than a provider tries again.

    `before` is until when deliveries could be taken in before now. What was sent in the last retry window is still
    to come. Returns the providers concerned.
    """
    concerned = []
    for receiver in receivers:
        window = receiver.retry_window
        if before is None or window is None or now - before <= window:
            continue
        if inbox.first_received(connection, receiver.name) is not None:
            subject = f"{before:%Y%m%dT%H%M%SZ}"
            webhook_gaps.add(connection, receiver.name, webhook_gaps.DOWNTIME, subject, before, now - window, now)
            concerned.append(receiver.name)
    return concerned
