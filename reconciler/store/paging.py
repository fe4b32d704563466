"""Pages of long lists by the key of their last row: each costs the same, and nothing is counted."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.columns import UtcTime, from_us, to_us
from reconciler.errors import BadRecord

SIZE, MOST = 50, 500
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list; `next` leads to those behind them, None at the end."""

    rows: Sequence[Row]
    next: str | None


def page(
    connection: sa.Connection,
    query: sa.Select[Any],
    key: Sequence[sa.Column[Any]],
    *,
    after: str | None = None,
    size: int = SIZE,
    newest_first: bool = False,
) -> Page:
    """One page of a query by its unique `key`. Raises BadRecord for an `after` that is none of ours."""
    columns = sa.tuple_(*key)
    if after:
        last = sa.tuple_(
            *(sa.literal(value, column.type) for column, value in zip(key, _read(after, key), strict=True))
        )
        query = query.where(columns < last if newest_first else columns > last)
    ordered = query.order_by(*((column.desc() if newest_first else column) for column in key))
    rows = connection.execute(ordered.limit(min(size, MOST) + 1)).mappings().all()
    more = len(rows) > min(size, MOST)
    kept = [dict(row) for row in rows[: min(size, MOST)]]
    return Page(kept, _written(kept[-1], key) if more else None)


def whole(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows of a table whose `id` stands in `rows`, in their order: wide rows are read for what is shown alone."""
    ids = [row["id"] for row in rows]
    found = {row["id"]: dict(row) for row in connection.execute(_by_ids(table, ids)).mappings()} if ids else {}
    return [found[id_] for id_ in ids]


def _by_ids(table: sa.Table, ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id.in_(ids))


def _written(row: Row, key: Sequence[sa.Column[Any]]) -> str:
    said = [to_us(value) if isinstance(value := row[column.name], datetime) else value for column in key]
    return base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(text: str, key: Sequence[sa.Column[Any]]) -> list[Any]:
    try:
        said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(said, list) or len(said) != len(key):
            raise ValueError(text)
        return [_value(value, column) for value, column in zip(said, key, strict=True)]
    except (ValueError, OverflowError, binascii.Error, RecursionError):
        raise BadRecord("this address names no page: begin again at the first one") from None


def _value(value: Any, column: sa.Column[Any]) -> Any:
    if isinstance(column.type, UtcTime):
        return from_us(_whole(value))
    if isinstance(column.type, sa.Integer):
        return _whole(value)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**62:
        raise ValueError(value)
    return value
