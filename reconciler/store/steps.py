"""Runs the matching plan inside the store: temporary tables on one connection, in its transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Table
from sqlalchemy.schema import DropTable

from reconciler.matching import relations
from reconciler.matching.inputs import sources
from reconciler.matching.run import match
from reconciler.matching.terms import Horizon, Terms
from reconciler.timing import step


@dataclass(frozen=True, slots=True)
class StoreEngine:
    """The plan's engine over an open connection."""

    connection: sa.Connection

    def prepare(self) -> None:
        """Make the plan's temporary tables anew, empty."""
        for table in relations.relations.sorted_tables:
            self.connection.execute(DropTable(table, if_exists=True))
        relations.relations.create_all(self.connection, checkfirst=False)

    def fill(self, table: Table, source: Select[Any]) -> int:
        """Insert what `source` yields; returns the number of rows."""
        names = [column.name for column in table.columns]
        filled = sa.insert(table).from_select(names[: len(source.selected_columns)], source)
        with step(table.name.removeprefix("m_").replace("_", " ")):
            return self.connection.execute(filled).rowcount

    def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert plain rows."""
        if rows:
            self.connection.execute(sa.insert(table), list(rows))

    def delete(self, table: Table, where: ColumnElement[bool] | None = None) -> None:
        """Delete rows, all of them without `where`."""
        statement = sa.delete(table)
        self.connection.execute(statement if where is None else statement.where(where))

    def rows(self, source: Select[Any]) -> Iterable[Mapping[str, Any]]:
        """The rows of a select."""
        yield from (dict(row) for row in self.connection.execute(source).mappings())


@step("match")
def match_stored(connection: sa.Connection, terms: Terms, horizon: Horizon) -> StoreEngine:
    """Load the stored facts into the plan's tables and match them; the engine holds the results."""
    engine = StoreEngine(connection)
    engine.prepare()
    for table, source in sources(terms.equivalents, horizon).items():
        engine.fill(table, source)
    match(engine, terms, horizon)
    return engine
