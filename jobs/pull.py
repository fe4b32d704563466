"""Brings records in: every feed window by window, every page in a transaction of its own, each source in a thread."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

import sqlalchemy as sa

from jobs.windows import Progress, Windows
from providers.base import MAX_SKEW_S, Feed, Provider, Source
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Gap, Page, Window
from reconciler.settings import Schedule
from reconciler.store import audit
from reconciler.store.coverage import oldest_gaps, restart
from reconciler.store.engine import read, write
from reconciler.store.facts import begin_feed, end_feed, feed_rows, save_page
from reconciler.store.looks import refs_to_retry, still_failing
from reconciler.store.needs import refs_to_read
from reconciler.timing import carried, step

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
            problems = [line for lines in threads.map(carried(self._source), sources) for line in lines]
            down = {line.partition(".")[0] for line in problems}
            ready = [provider for provider in providers if provider.name not in down]
            return problems + [line for lines in threads.map(carried(self._look), ready) for line in lines]

    def _source(self, source: Source) -> list[str]:
        problems: list[str] = []
        feeds = source.feeds()
        main = next((feed.name for feed in feeds if feed.main), "")
        for feed in feeds:
            if self.stopped():
                return [*problems, f"{feed.name}: stopped before it was read"]
            try:
                with step(feed.name):
                    problems += self._feed(source, feed, main)
            except NeedsOperator as error:
                problems.append(f"{feed.name}: {error}")
                if feed.main:  # without its main feed a source has nothing to add; a missing right stops one feed only
                    return problems
        return problems

    def _feed(self, source: Source, feed: Feed, main: str) -> list[str]:
        with read(self.engine) as connection:
            rows, gaps = feed_rows(connection), oldest_gaps(connection)
        progress = Progress(rows.get(feed.name), gaps.get(feed.name), rows.get(main))
        windows = Windows(self.schedule, self.now(), self.since, self.until)
        if not windows.is_due(feed, progress.row):
            return []
        wanted = windows.wanted_since(feed, progress.row)
        window = windows.window(feed, progress)
        if window is None:
            return self._pages(feed.name, iter(()), wanted) if progress.row is None else []
        if feed.round and progress.row.complete_until != window.since:
            with write(self.engine) as connection:
                restart(connection, feed.name)
        pages = feed.fetch(window)
        return self._pages(feed.name, pages if feed.round else _by_true_clock(pages, source), wanted)

    def _look(self, provider: Provider) -> list[str]:
        with read(self.engine) as connection:
            refs = refs_to_read(connection, provider.name, self.now())
            again = refs_to_retry(connection, provider.name, self.now())
        if not refs and not again:
            return []
        self.notify(f"{provider.name}: looking at {len(refs) + len(again)} charges one by one")
        name = f"{provider.name}.details"
        looks = chain(provider.read(refs), *(provider.read([ref]) for ref in again))
        try:
            with step(name):
                problems = self._pages(name, _together(looks))
        except NeedsOperator as error:
            return [f"{name}: {error}"]
        with read(self.engine) as connection:
            failing = still_failing(connection, provider.name)
        return [self._ended(name, 0, failing)] if failing and not problems else problems

    def _pages(self, name: str, pages: Iterator[Page], wanted_since: datetime | None = None) -> list[str]:
        """Store the pages of one feed; a passing fault ends the feed and is returned, a lasting one is raised."""
        with write(self.engine) as connection:
            begin_feed(connection, name, self.now(), wanted_since)
        gaps, count = [], 0
        try:
            for page in pages:
                if self.stopped():
                    return [self._ended(name, count, "stopped before it was complete")]
                with step("write"), write(self.engine) as connection:
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


def _by_true_clock(pages: Iterator[Page], source: Source) -> Iterator[Page]:
    """The pages; while the clocks differ no window counts as read: what it left out may have another time there."""
    for page in pages:
        ahead_s = source.ahead_s or 0.0
        if page.drained is None or abs(ahead_s) <= MAX_SKEW_S:
            yield page
            continue
        since, until = page.drained.since, page.drained.until - timedelta(seconds=max(ahead_s, 0.0))
        reason = (
            f"this machine's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} that of "
            f"{source.name}: synchronise it (NTP)"
        )
        yield replace(page, drained=None, gap=Gap(Window(min(since, until), until), reason))


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
        failed=tuple(one for page in pages for one in page.failed),
    )
