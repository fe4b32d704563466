"""Which window of a feed is due, by how far the feed was read before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.base import Feed
from reconciler.model import Window
from reconciler.settings import Schedule

SETTLING = timedelta(minutes=2)
"""A window ends this long before now, so that its pages do not shift while they are read."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST_SLICE, LONGEST_SLICE = timedelta(days=1), timedelta(days=45)
"""What one run takes of a round: not so little that it costs a call for nothing, nor so much that the run gets long."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is stored about a feed: its row, where its oldest gap begins, and the row of its source's main feed."""

    row: Any
    gap_since: datetime | None
    main: Any


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one pull; `since` and `until` replace those that the watermarks give."""

    schedule: Schedule
    now: datetime
    since: datetime | None = None
    until: datetime | None = None

    def is_due(self, feed: Feed, row: Any) -> bool:
        """Whether a feed that is read only now and then has its turn."""
        last = row.last_success_at if row is not None else None
        return not (feed.every and last) or self.now - last >= feed.every

    def wanted_since(self, feed: Feed, row: Any) -> datetime:
        """How far back the feed is to be read in all: set by its first pull, whatever that pull was asked to read."""
        if feed.reach:
            return self.now - feed.reach
        if _is_shop(feed):
            return BEGINNING
        known = (row.wanted_since or row.complete_since) if row is not None else None
        return known or self.now - timedelta(days=self.schedule.initial_days)

    def window(self, feed: Feed, progress: Progress) -> Window | None:
        """What to read now; None when a round has nothing due."""
        if feed.round:
            return self._slice(feed, feed.round, progress)
        until = min(self.until or self.now, self.now - SETTLING)
        if feed.reach:
            return Window(self.now - feed.reach, self.now - SETTLING)
        if _is_shop(feed):
            since = BEGINNING if self._is_whole_due(feed, progress.row) else self._resumed(feed, progress)
            return Window(min(since, self.since or since), self.now)
        since = self.since or self._resumed(feed, progress)
        return Window(min(since, until), until)

    def _is_whole_due(self, feed: Feed, row: Any) -> bool:
        if feed.whole_every is None:
            return False
        return row is None or row.whole_at is None or bool(self.now - row.whole_at >= feed.whole_every)

    def _resumed(self, feed: Feed, progress: Progress) -> datetime:
        """From the watermark less the overlap, or from whatever before it stayed unread."""
        row, wanted = progress.row, self.wanted_since(feed, progress.row)
        if row is None or row.complete_until is None or row.complete_since > wanted:
            return wanted
        since: datetime = row.complete_until - timedelta(hours=self.schedule.lookback_hours)
        return min(since, progress.gap_since or since)

    def _slice(self, feed: Feed, round_: timedelta, progress: Progress) -> Window | None:
        """The next part of a round over what the main feed has read before its own overlap.

        The parts are as long as the time since the last one wants, so that a round takes as long however often it runs.
        """
        row, main = progress.row, progress.main
        if row is None or row.last_success_at is None or main is None or main.complete_until is None:
            return None
        start = max(main.complete_since, self.wanted_since(feed, row))
        end = main.complete_until - timedelta(hours=self.schedule.lookback_hours)
        reached = max(start, row.complete_until or start)
        since = reached if end - reached >= SHORTEST_SLICE else start
        due = (end - start) * ((self.now - row.last_success_at) / round_)
        until = min(end, since + min(due, LONGEST_SLICE))
        return Window(since, until) if until - since >= SHORTEST_SLICE else None


def _is_shop(feed: Feed) -> bool:
    return feed.name.startswith("shop.")
