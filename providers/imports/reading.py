"""Reads a table twice: first to find what contradicts itself within the file, then to give its rows in pages."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from providers.csv_rows import Row
from providers.imports.base import Importer, Understood, identity, subject, sum_of
from providers.imports.mapping import Layout
from providers.imports.tables import Table
from reconciler.errors import BadRecord
from reconciler.model import Window

PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with what it says beyond the rows before it, or with the reason why it is rejected."""

    row: Row
    understood: Understood | None = None
    reason: str = ""


class Reading:
    """The rows of a table as an importer understands them; the memory of it is a few dozen bytes for each row."""

    def __init__(
        self, importer: Importer, layout: Layout, table: Table, now: datetime, notify: Callable[[str], None]
    ) -> None:
        """Nothing is read yet."""
        self.table = table
        self.count = 0
        self.span: Window | None = None
        self._importer, self._layout, self._now, self._notify = importer, layout, now, notify
        self._said: dict[bytes, bytes] = {}
        self._torn: set[bytes] = set()
        self._given: set[bytes] = set()

    def look(self) -> None:
        """The first pass: how many rows there are, which span they cover, and which ids have two sums."""
        for row in self.table.rows():
            self.count += 1
            if self.count % PAGE_ROWS == 0:
                self._notify(f"checking the file: {self.count:,} rows")
            if understood := self._judged(row).understood:
                self._note(understood)

    def pages(self) -> Iterator[list[Judged]]:
        """The second pass: the judged rows, a page of them at a time. Raises ConfigError if the file has changed."""
        page: list[Judged] = []
        for row in self.table.rows():
            page.append(self._once(self._judged(row)))
            if len(page) == PAGE_ROWS:
                yield page
                page = []
        self.table.check_unchanged()
        if page:
            yield page

    def _once(self, judged: Judged) -> Judged:
        if judged.understood is None:
            return judged
        fresh = tuple(fact for fact in judged.understood.facts if _key(identity(fact)) not in self._given)
        self._given.update(_key(identity(fact)) for fact in fresh)
        return replace(judged, understood=replace(judged.understood, facts=fresh))

    def _judged(self, row: Row) -> Judged:
        try:
            what = self._importer.read(self._layout.values(row), self._now)
        except BadRecord as error:
            return Judged(row, reason=str(error))
        keys = [_key(subject(fact)) for fact in what.facts]
        if self._torn.intersection(keys):
            reason = f"{what.raw.key} comes more than once in this file, with different sums: keep the right row"
            return Judged(row, reason=reason)
        return Judged(row, what)

    def _note(self, what: Understood) -> None:
        for fact in what.facts:
            money, key = sum_of(fact), _key(subject(fact))
            said = f"{money.minor} {money.currency}".encode()
            if self._said.setdefault(key, said) != said:
                self._torn.add(key)
        span = self.span or Window(what.at, what.at)
        self.span = Window(min(span.since, what.at), max(span.until, what.at))


def _key(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
