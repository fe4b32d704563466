"""Lays the columns of somebody's file onto ours: which of theirs is which, and the values of a row by our names."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from providers.csv_rows import Row
from providers.imports import values
from providers.imports.rejected import REASON
from providers.imports.tables import Table
from reconciler.errors import BadRecord, ConfigError
from reconciler.import_columns import COLUMNS, CONSTANT, ZONE
from reconciler.report.table import harmless

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Values:
    """A row by our names; `zone` is that of times without one, None where the provider's own counts."""

    cells: Mapping[str, Any]
    zone: ZoneInfo | None

    def get(self, name: str, parse: Callable[[Any], T | None]) -> T | None:
        """The value of a column, None when it is absent or empty; raises BadRecord that names the column."""
        value = self.cells.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            return parse(value)
        except BadRecord as error:
            raise BadRecord(f"{name}: {error}") from None

    def need(self, name: str, parse: Callable[[Any], T | None]) -> T:
        """Like `get`; an empty one raises BadRecord too."""
        value = self.get(name, parse)
        if value is None:
            raise BadRecord(f"{name}: it is empty")
        return value

    def money(self, currency: str, name: str = "amount") -> int | None:
        """The sum of `amount` (major units) or `amount_minor`, in minor units; both have to say the same."""
        minor = self.get(f"{name}_minor", values.whole)
        major = self.get(name, lambda value: values.amount(value, currency))
        if major is not None and minor is not None and major != minor:
            raise BadRecord(f"{name}: {self.cells[name]} contradicts {name}_minor {self.cells[f'{name}_minor']}")
        return minor if major is None else major

    def kept(self) -> dict[str, Any]:
        """What may be kept of the row: our columns alone, as they were written, and the zone that was configured."""
        zone = {ZONE: self.zone.key} if self.zone else {}
        return {name: _plain(value) for name, value in self.cells.items() if value not in (None, "")} | zone

    @classmethod
    def stored(cls, kept: Mapping[str, Any]) -> "Values":
        """The row again, as it was kept."""
        return cls(kept, ZoneInfo(kept[ZONE]) if ZONE in kept else None)


@dataclass(frozen=True, slots=True)
class Layout:
    """Our names with their columns (lower case), and the values that are the same in every row."""

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    zone: ZoneInfo | None
    marked: bool

    def values(self, row: Row) -> Values:
        """The row by our names; raises BadRecord when its columns cannot be trusted."""
        if row.fault:
            raise BadRecord(row.fault)
        found = {name: row.cells.get(column) for name, column in self.columns.items()}
        if self.marked:  # we set an apostrophe before what a spreadsheet would have run
            found = {name: _unmarked(value) for name, value in found.items()}
        return Values({**found, **self.constants}, self.zone)


def lay(importer: str, table: Table, given: Mapping[str, str]) -> Layout:
    """The mapping of `[import.…]` laid onto a table; what it does not name is looked for under our own names.

    Raises ConfigError for a column that is not there, the nearest named, and for a required one without any.
    """
    wanted = COLUMNS[importer]
    constants = {name: text.removeprefix(CONSTANT).strip() for name, text in given.items() if text.startswith(CONSTANT)}
    columns: dict[str, str] = {}
    for name in wanted.names:
        if name in given and name not in constants:
            columns[name] = _their_column(importer, table, name, given[name])
        elif name not in constants:
            there = [column for column in (name, *wanted.also.get(name, ())) if column in table.columns]
            columns |= {name: there[0]} if there else {}
    for group in wanted.required:
        if not any(name in columns or name in constants for name in group):
            raise ConfigError(_lacking(importer, table, group))
    zone = ZoneInfo(given[ZONE]) if ZONE in given else None
    return Layout(columns, constants, zone, REASON in table.columns)


def _their_column(importer: str, table: Table, name: str, column: str) -> str:
    folded = column.strip().lower()
    if folded in table.columns:
        return folded
    close = difflib.get_close_matches(folded, table.columns, n=1, cutoff=0.0)
    raise ConfigError(
        f"[import.{importer}] {name} = {column!r}: {table.path} has no such column"
        + (f"; did you mean {close[0]!r}?" if close else "")
    )


def _lacking(importer: str, table: Table, group: tuple[str, ...]) -> str:
    listed = ", ".join(repr(column) for column in table.columns[:20])
    return (
        f"{table.path} has no column {' or '.join(group)}: say which of its columns ({listed}) that is, "
        f'with {group[0]} = "…" under [import.{importer}]'
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int) else str(value)


def _unmarked(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and value[:1] == "'" and harmless(value[1:]) == value else value
