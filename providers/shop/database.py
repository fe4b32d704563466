"""The shop's ledger in a database of any kind that SQLAlchemy knows, opened read-only anew for every read."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnClause, Connection, Select, bindparam, inspect, literal_column, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from providers.base import Check
from providers.csv_rows import Row
from providers.shop import rights
from providers.shop.connect import engine_for, guard, sqlite_path
from providers.shop.faults import translate
from providers.shop.reader import is_older, usable
from providers.shop.rows import Shape
from providers.shop.spool import spooled
from reconciler.errors import NeedsOperator

FETCH_ROWS = 2_000
_SQLITE_NOT_OLDER = """
NOT (typeof(q.updated_at) = 'text' AND q.updated_at < :day
     AND q.updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*')
"""


class Database:
    """A `Reader` over `url`; `queries` are the configured SELECTs by table, empty ones mean the table itself."""

    def __init__(self, url: str, queries: Mapping[str, str]) -> None:
        """Take the address; nothing is opened. Raises NeedsOperator when it is no database address."""
        try:
            self._url = make_url(url)
        except (SQLAlchemyError, ValueError):
            raise NeedsOperator("[shop] url is no database address such as postgresql+psycopg://…") from None
        self._queries = {name: query.strip().rstrip(";").strip() for name, query in queries.items()}
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self.zoneless = self._sqlite

    def where(self, shape: Shape) -> str:
        """The table or the query's name in the configuration."""
        return f"{shape.name}_query" if self._queries.get(shape.name) else f"table {shape.name}"

    def columns(self, shape: Shape) -> tuple[str, ...] | None:
        """See `Reader.columns`."""
        with self._reading() as connection:
            return self._columns(connection, shape)

    def rows(self, shape: Shape, since: datetime | None = None, limit: int | None = None) -> Iterator[Row]:
        """See `Reader.rows`. The read is finished and the connection closed before the first row is given out."""
        return spooled(self._read(shape, since, limit))

    def rights(self) -> Iterator[Check]:
        """See `Reader.rights`."""
        if self._sqlite:
            yield rights.of_file(sqlite_path(self._url), "the shop's database file")
            return
        with self._reading() as connection:
            check = rights.of_server(connection)
        yield check

    def _read(self, shape: Shape, since: datetime | None, limit: int | None) -> Iterator[Row]:
        with self._reading() as connection:
            columns = self._columns(connection, shape)
            if not usable(shape, columns, self.where(shape)) or columns is None:
                return
            places = [(columns.index(name), name) for name in shape.known if name in columns]
            query = self._changed(connection, shape, since).limit(limit)
            for values in connection.execution_options(yield_per=FETCH_ROWS).execute(query):
                row = {name: values[index] for index, name in places}
                if since is None or not is_older(row, since, zoneless=self.zoneless):
                    yield Row(row)

    def _columns(self, connection: Connection, shape: Shape) -> tuple[str, ...] | None:
        if not self._queries.get(shape.name) and not inspect(connection).has_table(shape.name):
            return None
        nothing = self._all(shape).where(text("1 = 0"))
        return tuple(name.lower() for name in list(connection.execute(nothing).keys()))

    def _all(self, shape: Shape) -> Select[Any]:
        query = self._queries.get(shape.name)
        # The colons are the query's own (times, casts), no parameters; the line break ends a comment at its end.
        source = "(" + query.replace(":", r"\:") + "\n) q" if query else f"{shape.name} q"
        return select(text("*")).select_from(text(source))

    def _changed(self, connection: Connection, shape: Shape, since: datetime | None) -> Select[Any]:
        every = self._all(shape)
        if since is None:
            return every
        if self._sqlite:
            # The offset of a time shifts its date by less than a day, so text of an earlier day is older for sure.
            day = (since.astimezone(UTC) - timedelta(days=1)).date().isoformat()
            return every.where(text(_SQLITE_NOT_OLDER)).params(day=day)
        return self._compared(connection, every, since)

    def _compared(self, connection: Connection, every: Select[Any], since: datetime) -> Select[Any]:
        changed: ColumnClause[Any] = literal_column("q.updated_at")
        sample = connection.execute(every.with_only_columns(changed).where(changed.is_not(None)).limit(1)).scalar()
        if not isinstance(sample, datetime):
            return every  # kept as text or numbers: compared row by row
        utc = since.astimezone(UTC)
        bound: BindParameter[datetime] = bindparam("since", utc if sample.tzinfo else utc.replace(tzinfo=None))
        return every.where((changed >= bound) | changed.is_(None))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with engine_for(self._url).connect() as connection:
                guard(connection)
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
            raise translate(error, self._url) from None
