"""Brings records in: every feed window by window, every page in a transaction of its own, each source in a thread."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from providers.base import Feed, Provider, Source
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Page, Window
from reconciler.settings import Schedule
from reconciler.store import audit
from reconciler.store.engine import read, write
from reconciler.store.facts import begin_feed, end_feed, feed_rows, save_page
from reconciler.store.needs import refs_to_read

SETTLING = timedelta(minutes=2)
"""A window ends this long before now, so that its pages do not shift while they are read."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
READ_AHEAD = 50


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull over some sources; `since` and `until` replace the windows that the watermarks give."""

    engine: sa.Engine
    schedule: Schedule
    now: Callable[[], datetime]
    notify: Callable[[str], None]
    stopped: Callable[[], bool] = lambda: False
    since: datetime | None = None
    until: datetime | None = None

    def run(self, providers: Iterable[Provider], shop: Source | None) -> list[str]:
        """Read all sources side by side, then the single charges that need a look; returns what went wrong."""
        providers = list(providers)
        sources = [*providers, shop] if shop is not None else providers
        with ThreadPoolExecutor(max_workers=max(1, len(sources))) as threads:
            problems = [line for lines in threads.map(self._source, sources) for line in lines]
            down = {line.partition(".")[0] for line in problems}
            ready = [provider for provider in providers if provider.name not in down]
            return problems + [line for lines in threads.map(self._look, ready) for line in lines]

    def _source(self, source: Source) -> list[str]:
        problems: list[str] = []
        for feed in source.feeds():
            if self.stopped():
                return [*problems, f"{feed.name}: stopped before it was read"]
            try:
                problems += self._feed(feed)
            except NeedsOperator as error:
                problems.append(f"{feed.name}: {error}")
                if feed.main:  # without its main feed a source has nothing to add; a missing right stops one feed only
                    return problems
        return problems

    def _feed(self, feed: Feed) -> list[str]:
        with read(self.engine) as connection:
            row = feed_rows(connection).get(feed.name)
        now = self.now()
        if feed.every and row is not None and row.last_success_at and now - row.last_success_at < feed.every:
            return []
        return self._pages(feed.name, feed.fetch(self._window(feed, row, now)))

    def _look(self, provider: Provider) -> list[str]:
        with read(self.engine) as connection:
            refs = refs_to_read(connection, provider.name, self.now())
        if not refs:
            return []
        self.notify(f"{provider.name}: looking at {len(refs)} charges one by one")
        name = f"{provider.name}.details"
        try:
            return self._pages(name, _together(provider.read(refs)))
        except NeedsOperator as error:
            return [f"{name}: {error}"]

    def _pages(self, name: str, pages: Iterator[Page]) -> list[str]:
        """Store the pages of one feed; a passing fault ends the feed and is returned, a lasting one is raised."""
        with write(self.engine) as connection:
            begin_feed(connection, name, self.now())
        gaps, count = [], 0
        try:
            for page in pages:
                if self.stopped():
                    return [self._ended(name, count, "stopped before it was complete")]
                with write(self.engine) as connection:
                    save_page(connection, page, self.now())
                count += len(page.transactions) + len(page.orders)
                gaps += [f"{name}: {page.gap.reason}"] if page.gap else []
        except Retryable as error:
            return [self._ended(name, count, str(error))]
        except NeedsOperator as error:
            self._ended(name, count, str(error))
            raise
        self._ended(name, count, None if not gaps else gaps[0].partition(": ")[2])
        self.notify(f"{name}: {count} records read")
        return gaps

    def _ended(self, name: str, count: int, error: str | None) -> str:
        now = self.now()
        with write(self.engine) as connection:
            end_feed(connection, name, now, error)
            said = {"complete": error is None, "records": count}
            audit.record(connection, "feed.read", name, audit.PROGRAM, now, said)
        return f"{name}: {error}"

    def _window(self, feed: Feed, row: Any, now: datetime) -> Window:
        if feed.name.startswith("shop."):
            since = self._from_watermark(row, BEGINNING)
            return Window(min(since, self.since or since), now)
        until = min(self.until or now, now - SETTLING)
        if feed.reach:
            return Window(now - feed.reach, now - SETTLING)
        since = self.since or self._from_watermark(row, now - timedelta(days=self.schedule.initial_days))
        return Window(min(since, until), until)

    def _from_watermark(self, row: Any, first: datetime) -> datetime:
        if row is None or row.complete_until is None:
            return first
        overlapped: datetime = row.complete_until - timedelta(hours=self.schedule.lookback_hours)
        return overlapped


def _together(pages: Iterator[Page]) -> Iterator[Page]:
    """Single looks joined to pages of a useful size, one commit for each; a fault loses none that came before it."""
    held: list[Page] = []
    try:
        for page in pages:
            held.append(page)
            if len(held) == READ_AHEAD:
                yield joined(held)
                held = []
    except (Retryable, NeedsOperator):
        if held:
            yield joined(held)
        raise
    if held:
        yield joined(held)


def joined(pages: Sequence[Page]) -> Page:
    """Several pages of one feed as one, stored in one transaction."""
    return Page(
        feed=pages[0].feed,
        transactions=tuple(one for page in pages for one in page.transactions),
        states=tuple(one for page in pages for one in page.states),
        signals=tuple(one for page in pages for one in page.signals),
        raws=tuple(one for page in pages for one in page.raws),
        quarantined=tuple(one for page in pages for one in page.quarantined),
    )
