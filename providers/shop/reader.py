"""What both forms of the shop's ledger offer, a database and a folder of CSV files."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from providers.base import Check
from providers.csv_rows import Row
from providers.shop.fields import moment
from providers.shop.rows import Shape
from reconciler.errors import BadRecord, NeedsOperator

_MEND = "give it that column, or name the columns by {}_query in [shop]"


class Reader(Protocol):
    """A ledger that is only ever read. `zoneless` says whether its text without a zone means UTC."""

    zoneless: bool

    def where(self, shape: Shape) -> str:
        """The table, query or file of this shape, as messages name it."""
        ...

    def columns(self, shape: Shape) -> tuple[str, ...] | None:
        """The columns in lower case, or None when there is no such table; raises Retryable or NeedsOperator."""
        ...

    def rows(self, shape: Shape, since: datetime | None = None, limit: int | None = None) -> Iterator[Row]:
        """Rows changed at or after `since` (all without it), and rows whose `updated_at` cannot be read.

        No rows when a table is not there that may be absent. Raises Retryable, and NeedsOperator also for a missing
        column.
        """
        ...

    def rights(self) -> Iterator[Check]:
        """Whether the ledger could be written with what the configuration gives; nothing is tried."""
        ...


def usable(shape: Shape, columns: Sequence[str] | None, where: str) -> bool:
    """Whether the table can be read; False when it is not there and may be absent.

    Raises NeedsOperator naming what is missing or given twice.
    """
    if columns is None:
        if shape.must_exist:
            raise NeedsOperator(f"the shop's {where} is not there: check [shop], or set {shape.name}_query")
        return False
    if missing := shape.lacking(columns):
        raise NeedsOperator(f"the shop's {where} has no column {', '.join(missing)}: {_MEND.format(shape.name)}")
    if twice := sorted(name for name in shape.known if columns.count(name) > 1):
        raise NeedsOperator(f"the shop's {where} has column {', '.join(twice)} twice: {_MEND.format(shape.name)}")
    return True


def is_older(row: Mapping[str, Any], since: datetime, *, zoneless: bool) -> bool:
    """Whether the row says for sure that it was last changed before `since`."""
    try:
        changed = moment(row["updated_at"], zoneless=zoneless)
    except BadRecord:
        return False
    return changed is not None and changed < since
