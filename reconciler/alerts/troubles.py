"""What is wrong with the program's own work: late jobs, feeds not read, a full outbox, an address that fails."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.report.shown import age

FULL = 1000
"""Entries that wait in the outbox at most before somebody should look."""
STUCK = timedelta(hours=1)
"""How long an entry that is due may wait."""
FAILING = timedelta(minutes=5)
"""How long an address may fail before the others are told (reliability F37)."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong; `area` is `job`, `feed`, `outbox` or `address`."""

    area: str
    subject: str
    severity: str
    title: str
    text: str

    @property
    def key(self) -> str:
        """What tells it apart from others, the same for as long as it lasts."""
        return f"{self.area}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at. `jobs`: when each should have ended next, by the schedule; `feeds`: main feeds' last success
    (None: never), with the error of the last attempt; `failing`: since when, and what it said."""

    jobs: Mapping[str, datetime]
    feeds: Mapping[str, tuple[datetime | None, str | None]]
    oldest_feed: timedelta
    waiting: int
    due_since: datetime | None
    failing: Mapping[str, tuple[datetime, str]]
    held: Mapping[str, int]


def troubles(watched: Watched, now: datetime) -> Sequence[Trouble]:
    """Everything that is wrong now."""
    return [
        *_late_jobs(watched, now),
        *_old_feeds(watched, now),
        *_outbox(watched, now),
        *_addresses(watched, now),
    ]


def _late_jobs(watched: Watched, now: datetime) -> Iterator[Trouble]:
    for name, expected in watched.jobs.items():
        if now > expected:
            late = age((now - expected).total_seconds())
            text = f"The job {name} is late by {late}. Look at `reconciler status` and at the daemon's log."
            yield Trouble("job", name, "critical", f"The job {name} is late", text)


def _old_feeds(watched: Watched, now: datetime) -> Iterator[Trouble]:
    for name, (success, error) in watched.feeds.items():
        if success is not None and now - success <= watched.oldest_feed:
            continue
        if success is None and error is None:
            continue
        since = "never" if success is None else f"not for {age((now - success).total_seconds())}"
        why = error or "the reading does not come to its end"
        text = f"{name} was read {since}: {why}. Check with `reconciler doctor`."
        yield Trouble("feed", name, "critical", f"{name} cannot be read", text)


def _outbox(watched: Watched, now: datetime) -> Iterator[Trouble]:
    if watched.waiting > FULL:
        see = "Look at `reconciler outbox list` and `reconciler alerts list`."
        text = f"{watched.waiting:,} entries wait to be delivered. {see}"
        yield Trouble("outbox", "full", "critical", "The outbox fills up", text)
    if watched.due_since is not None and now - watched.due_since > STUCK:
        waited = age((now - watched.due_since).total_seconds())
        text = f"What is due was not delivered for {waited}. Is the daemon at work? See `reconciler status`."
        yield Trouble("outbox", "stuck", "critical", "Nothing is delivered", text)


def _addresses(watched: Watched, now: datetime) -> Iterator[Trouble]:
    for key, (since, note) in watched.failing.items():
        if now - since >= FAILING:
            silent = age((now - since).total_seconds())
            text = f"{key} has not taken an alert for {silent}: {note}. See `reconciler doctor`."
            yield Trouble("address", key, "critical", f"Alerts do not reach {key}", text)
    for key, count in watched.held.items():
        text = f"{count:,} messages to {key} are held. Mend the cause, then `reconciler alerts retry`."
        yield Trouble("address", f"{key}/held", "critical", f"Alerts to {key} are held", text)
