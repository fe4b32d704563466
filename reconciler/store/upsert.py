"""Writes many rows at once, each by its own key, the fastest way that each engine has."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite

from reconciler.columns import to_us

Excluded = Any
Changes = Callable[[Table, Excluded], dict[str, ColumnElement[Any]]]


def upsert(
    connection: sa.Connection,
    table: Table,
    rows: Iterable[Sequence[Any]],
    *,
    columns: Sequence[str] | None = None,
    changes: Changes | None = None,
) -> int:
    """Insert rows (tuples in the order of `columns`, default all) or update the ones whose primary key is there.

    `changes(table, excluded)` names what an update sets; without it every given column outside the key is. A row
    that would not change is not written. Returns the number of rows given.
    """
    names = list(columns or [column.name for column in table.columns])
    values = [tuple(_plain(value) for value in row) for row in rows]
    if values:
        _stage(connection, table, names, values)
        connection.execute(_merge(connection, table, names, changes))
    return len(values)


def upsert_changed(
    connection: sa.Connection,
    table: Table,
    rows: Iterable[Sequence[Any]],
    told: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    changes: Changes | None = None,
) -> list[Any]:
    """Like `upsert`; returns the columns `told` of the rows that were written, since they are new or say otherwise."""
    names = list(columns or [column.name for column in table.columns])
    values = [tuple(_plain(value) for value in row) for row in rows]
    if not values:
        return []
    _stage(connection, table, names, values)
    merge = _merge(connection, table, names, changes).returning(*(table.c[name] for name in told))
    return list(connection.execute(merge).all())


def keep_others(_table: Table, _excluded: Excluded) -> dict[str, ColumnElement[Any]]:
    """The `changes` of rows that are only to be inserted: those that are there stay as they are."""
    return {}


def insert_new(connection: sa.Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose key is not there yet; leave the others as they are."""
    upsert(connection, table, rows, columns=columns, changes=keep_others)


def _stage(connection: sa.Connection, table: Table, names: list[str], values: list[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "postgresql":
        _stage_postgresql(connection, table, names, values)
    else:
        _stage_sqlite(connection, table, names, values)


def _merge(connection: sa.Connection, table: Table, names: list[str], changes: Changes | None) -> Any:
    """Everything staged, merged in one statement: beside triggers each statement costs more than a row does."""
    keys = _keys(table, names)
    source = sa.table(f"staged_{table.name}", *(sa.column(name) for name in names))
    if connection.dialect.name == "postgresql":
        statement: Any = postgresql.insert(table).from_select(names, sa.select(source))
    else:
        rows = sa.select(source).where(sa.true()).order_by(sa.literal_column("rowid"))  # no WHERE: ON is ambiguous
        statement = sqlite.insert(table).from_select(names, rows)
    if changes is None:
        new = {name: statement.excluded[name] for name in names if name not in keys}
    else:
        new = changes(table, statement.excluded)
    if not new:
        return statement.on_conflict_do_nothing(index_elements=keys)
    differs = sa.or_(*(table.c[name].is_distinct_from(value) for name, value in new.items()))
    return statement.on_conflict_do_update(index_elements=keys, set_=new, where=differs)


def _keys(table: Table, names: Sequence[str]) -> list[str]:
    """What rows are told apart by: the primary key, or what else is unique where the database itself gives that out."""
    primary = [column.name for column in table.primary_key]
    if set(primary) <= set(names):
        return primary
    constraint = next(one for one in table.constraints if isinstance(one, sa.UniqueConstraint))
    return [column.name for column in constraint.columns]


def _stage_sqlite(connection: sa.Connection, table: Table, names: list[str], values: list[tuple[Any, ...]]) -> None:
    staging = f"staged_{table.name}"
    listed = ", ".join(f'"{name}"' for name in names)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{staging}")
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {staging} ({listed})")
    marks = ", ".join("?" for _ in names)
    connection.exec_driver_sql(f"INSERT INTO {staging} VALUES ({marks})", values)  # noqa: S608 - names of our own


def _stage_postgresql(connection: sa.Connection, table: Table, names: list[str], values: list[tuple[Any, ...]]) -> None:
    staging = f"staged_{table.name}"
    listed = ", ".join(f'"{name}"' for name in names)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {staging}")
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {staging} ON COMMIT DROP AS SELECT {listed} FROM {table.name} LIMIT 0"  # noqa: S608 - names of our own tables
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {staging} ({listed}) FROM STDIN") as copy:
        for row in _last_of_each(table, names, values):
            copy.write_row(row)


def _last_of_each(table: Table, names: list[str], values: list[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """The rows, of each key the last one: it wins, as it would one by one."""
    places = [names.index(name) for name in _keys(table, names)]
    return {tuple(row[place] for place in places): row for row in values}.values()


def _plain(value: Any) -> Any:
    return to_us(value) if isinstance(value, datetime) else value
