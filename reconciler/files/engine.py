"""The plan's engine on DuckDB: portable selects as text, results read in batches, memory bounded by spilling."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Table
from sqlalchemy.engine.default import DefaultDialect

from reconciler.matching import relations

_DIALECT = DefaultDialect()
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class DuckEngine:
    """An in-process database whose tables may grow past `memory_limit`: what does not fit goes to disk."""

    connection: duckdb.DuckDBPyConnection

    def prepare(self) -> None:
        """Make the plan's tables, empty."""
        for table in relations.relations.sorted_tables:
            columns = ", ".join(f'"{column.name}" {_type(column)}' for column in table.columns)
            self.connection.execute(f"CREATE TABLE {table.name} ({columns})")

    def run(self, text: str) -> None:
        """Execute a statement written for DuckDB."""
        self.connection.execute(text)

    def all(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a select written for DuckDB that gives few."""
        return self.connection.execute(text).fetchall()

    def fill(self, table: Table, source: Select[Any]) -> int:
        """Insert what `source` yields; returns the number of rows."""
        names = ", ".join(f'"{column.name}"' for column in list(table.columns)[: len(source.selected_columns)])
        self.connection.execute(f"INSERT INTO {table.name} ({names}) {_text(source)}")
        row = self.connection.fetchone()
        return int(row[0]) if row else 0

    def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert plain rows."""
        if rows:
            names = list(rows[0])
            listed = ", ".join(f'"{name}"' for name in names)
            columns = [[row[name] for row in rows] for name in names]
            marks = ", ".join("unnest(?)" for _ in names)
            self.connection.execute(f"INSERT INTO {table.name} ({listed}) SELECT {marks}", columns)

    def delete(self, table: Table, where: ColumnElement[bool] | None = None) -> None:
        """Delete rows, all of them without `where`."""
        statement = sa.delete(table)
        self.connection.execute(_text(statement if where is None else statement.where(where)))

    def rows(self, source: Select[Any]) -> Iterator[Mapping[str, Any]]:
        """The rows of a select, read in batches."""
        cursor = self.connection.cursor()
        cursor.execute(_text(source))
        names = [column[0] for column in cursor.description or ()]
        while batch := cursor.fetchmany(_BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in batch)


def open_engine(folder: Path, memory_limit: str) -> DuckEngine:
    """A fresh engine that spills into `folder` beyond `memory_limit` (such as `1GB`)."""
    connection = duckdb.connect()
    for name, value in (("memory_limit", memory_limit), ("temp_directory", str(folder)), ("TimeZone", "UTC")):
        connection.execute(f"SET {name} = {quoted(value)}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return DuckEngine(connection)


def quoted(value: object) -> str:
    """A text as SQL writes it."""
    return "'" + str(value).replace("'", "''") + "'"


def _text(statement: Any) -> str:
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _type(column: sa.Column[Any]) -> str:
    return "VARCHAR" if isinstance(column.type, sa.String) else str(column.type)
