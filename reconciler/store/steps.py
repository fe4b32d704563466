"""Runs the matching plan inside the store: temporary tables on one connection, in its transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Table
from sqlalchemy.schema import DropTable

from reconciler.matching import relations, scope_tables
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
        with step(table.name.removeprefix("m_").replace("_", " ")):
            return insert_from(self.connection, table, names[: len(source.selected_columns)], source)

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
def match_stored(connection: sa.Connection, terms: Terms, horizon: Horizon, *, scoped: bool = False) -> StoreEngine:
    """Load the stored facts, or those in scope, into the plan's tables and match them; the engine holds the results."""
    engine = StoreEngine(connection)
    engine.prepare()
    for table, source in sources(terms.equivalents, horizon, scoped=scoped).items():
        if scoped and table is relations.account:
            _name_accounts(engine)
        engine.fill(table, source)
    analyze(connection, relations.INPUTS)
    match(engine, terms, horizon)
    analyze(connection, RESULTS)
    return engine


RESULTS = (relations.tie, relations.contested, relations.likely, relations.surplus)


def insert_from(connection: sa.Connection, table: Table, names: Sequence[str], source: Select[Any]) -> int:
    """Insert what `source` yields; returns the number of rows."""
    statement = sa.insert(table).from_select(list(names), source)
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount


def analyze(connection: sa.Connection, tables: Iterable[Table]) -> None:
    """Tell the planner how large tables are: else it takes a small one for large and begins with the history."""
    for table in tables:
        connection.exec_driver_sql(f"ANALYZE {table.name}")


def _name_accounts(engine: StoreEngine) -> None:
    """The accounts of the scope are those that its orders and charges name."""
    named = (
        sa.select(table.c.account_id).where(table.c.account_id.is_not(None))
        for table in (relations.order, relations.charge)
    )
    engine.fill(scope_tables.accounts_in_scope, sa.select(sa.union(*named).subquery("named")))
