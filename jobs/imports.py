"""Brings a file in: judged as a whole first, then stored page by page, so that a repeat adds nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path

import sqlalchemy as sa

from jobs.run import utc_now
from providers.imports.base import Fact, Importer, Understood
from providers.imports.mapping import lay
from providers.imports.reading import Judged, Reading
from providers.imports.rejected import RejectedFile
from providers.imports.tables import open_table
from reconciler.model import Order, Page, Transaction, Window
from reconciler.store import disputes
from reconciler.store.disputes import NewDispute
from reconciler.store.engine import read, write
from reconciler.store.facts import save_page
from reconciler.store.imports import Known
from reconciler.store.lease import Lease, held
from reconciler.store.webhook_gaps import close_downtime

SHOWN = 20
"""How many facts and reasons the result names; the counts are of all."""


@dataclass(slots=True)
class Result:
    """What an import came to, in rows: each is `stored`, `known` (it changes nothing) or `rejected`.

    `span` reaches from the first to the last row that was understood; `facts` and `reasons` are the first few.
    """

    span: Window | None
    stored: int = 0
    known: int = 0
    rejected: int = 0
    facts: list[Fact] = field(default_factory=list)
    reasons: list[tuple[int, str]] = field(default_factory=list)
    rejected_file: Path | None = None
    gaps_closed: int = 0

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.stored + self.known + self.rejected


@dataclass(frozen=True, slots=True)
class Import:
    """One import of one file; with `dry_run` nothing is stored and no file is written."""

    engine: sa.Engine
    importer: Importer
    mapping: Mapping[str, str]
    dry_run: bool = False
    notify: Callable[[str], None] = lambda _line: None
    now: Callable[[], datetime] = utc_now

    def run(self, path: Path, encoding: str | None = None) -> Result:
        """Import the file; raises ConfigError where it cannot be read as a whole, before anything is stored.

        Killed anywhere, it is to be run again: what was stored is known then. Raises Retryable when another process
        is at work.
        """
        table = open_table(path, encoding)
        layout = lay(self.importer.name, table, self.mapping)
        reading = Reading(self.importer, layout, table, self.now(), self.notify)
        reading.look()
        lease: AbstractContextManager[Lease | None] = nullcontext() if self.dry_run else held(self.engine)
        with lease as held_lease:
            result = self._pages(reading, held_lease)
            covered = covered_days(result, layout.zone or UTC, table.written_at)
            if held_lease is not None and covered is not None:
                with write(self.engine) as connection:
                    held_lease.guard(connection)
                    result.gaps_closed = close_downtime(connection, self.importer.source, covered)
        return result

    def _pages(self, reading: Reading, lease: Lease | None) -> Result:
        result, beside = Result(reading.span), RejectedFile(reading.table.path, reading.table.columns)
        for page in reading.pages():
            for judged in self._page(page, lease, result):
                result.rejected += 1
                result.reasons += [(judged.row.number, judged.reason)] if result.rejected <= SHOWN else []
                if not self.dry_run:
                    beside.add(judged.row, judged.reason)
            self.notify(f"{result.rows:,} of {reading.count:,} rows")
        result.rejected_file = beside.done()
        return result

    def _page(self, page: Sequence[Judged], lease: Lease | None, result: Result) -> list[Judged]:
        """Store what is new in a page, all in one transaction; returns the rows that are rejected."""
        with read(self.engine) if lease is None else write(self.engine) as connection:
            new, rejected = self._sorted(connection, page)
            if lease is not None:
                lease.guard(connection)
                save_page(connection, _stored(self.importer.feed, new), self.now())
                for dispute in (fact for row in new for fact in row.facts if isinstance(fact, NewDispute)):
                    disputes.record(connection, dispute, self.importer.feed, self.now())
        result.stored += len(new)
        result.known += len(page) - len(new) - len(rejected)
        result.facts += [fact for row in new for fact in row.facts][: SHOWN - len(result.facts)]
        return rejected

    def _sorted(self, connection: sa.Connection, page: Sequence[Judged]) -> tuple[list[Understood], list[Judged]]:
        """The rows of a page that tell something new, less what is known of them, and those that cannot be taken."""
        facts = [fact for judged in page if judged.understood for fact in judged.understood.facts]
        known = Known(connection, self.importer.source, self.importer.feed, facts)
        new: list[Understood] = []
        rejected: list[Judged] = []
        for judged in page:
            if judged.understood is None:
                rejected.append(judged)
                continue
            standings = [known.standing(fact) for fact in judged.understood.facts]
            fresh = tuple(fact for fact, found in zip(judged.understood.facts, standings, strict=True) if found.new)
            if conflict := next((found.conflict for found in standings if found.conflict), ""):
                rejected.append(replace(judged, understood=None, reason=conflict))
            elif fresh:
                new.append(replace(judged.understood, facts=fresh))
        return new, rejected


def covered_days(result: Result, zone: tzinfo, written_at: datetime) -> Window | None:
    """The time for which a file stands in: the whole days from its first row's to its last row's, in its zone.

    A list is kept or exported by the day, and knows nothing later than `written_at`. None where rows are missing from
    it: it has none, or some were rejected.
    """
    if result.span is None or result.rejected:
        return None
    first, last = (at.astimezone(zone).date() for at in (result.span.since, result.span.until))
    since = datetime.combine(first, time(), zone)
    until = datetime.combine(last + timedelta(days=1), time(), zone)
    return Window(since.astimezone(UTC), min(until.astimezone(UTC), written_at))


def _stored(feed: str, rows: Sequence[Understood]) -> Page:
    facts = [fact for row in rows for fact in row.facts]
    return Page(
        feed,
        transactions=tuple(fact for fact in facts if isinstance(fact, Transaction)),
        orders=tuple(fact for fact in facts if isinstance(fact, Order)),
        raws=tuple(row.raw for row in rows),
    )
