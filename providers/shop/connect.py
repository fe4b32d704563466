"""Connections to the shop's database that cannot write and do not linger."""

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from reconciler.errors import NeedsOperator

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 600

# Set for one transaction only: a pooler between us and the server could hand anything longer to the shop itself.
_POSTGRES = (
    "SET LOCAL TIME ZONE 'UTC'",
    f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'",
    f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'",
)
_MYSQL = ("SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'")


def engine_for(url: URL) -> Engine:
    """An engine without a pool. Raises NeedsOperator when a SQLite file is not there."""
    if url.get_backend_name() == "sqlite":
        path = sqlite_path(url)
        if not path.is_file():
            raise NeedsOperator(f"the shop's database file {path} is not there: check [shop] url")
        return create_engine("sqlite://", creator=lambda: _open_sqlite(path), poolclass=NullPool)
    psycopg = url.get_backend_name() == "postgresql" and url.get_driver_name() == "psycopg"
    timeout = {"connect_timeout": CONNECT_TIMEOUT_S} if psycopg and "connect_timeout" not in url.query else {}
    engine = create_engine(url, poolclass=NullPool, connect_args=timeout)
    if psycopg:
        event.listen(engine, "connect", _take_any_time)
    return engine


def guard(connection: Connection) -> None:
    """Begin a transaction that cannot write, with times in UTC and waits bounded, as far as the server knows how."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execution_options(postgresql_readonly=True)
    for statement in {"postgresql": _POSTGRES, "mysql": _MYSQL, "mariadb": _MYSQL}.get(name, ()):
        connection.exec_driver_sql(statement)


def sqlite_path(url: URL) -> Path:
    """The file that a SQLite address names; raises NeedsOperator for a database in memory."""
    database = url.database or ""
    if database.startswith("file:"):
        database = unquote(urlsplit(database).path)
    if database in {"", ":memory:"}:
        raise NeedsOperator("[shop] url names no database file: write sqlite:////path/to/shop.db")
    return Path(database).absolute()


def _open_sqlite(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT_S, check_same_thread=False)
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")  # one bad row must not stop all
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _take_any_time(connection: Any, _record: Any) -> None:
    """Make psycopg give times beyond Python's years (`infinity`) as text: one such row must not stop all."""
    from psycopg import DataError
    from psycopg.types.datetime import TimestampLoader, TimestamptzLoader

    for name, loader in (("timestamp", TimestampLoader), ("timestamptz", TimestamptzLoader)):

        def load(self: Any, data: Any, real: Any = loader.load) -> Any:
            try:
                return real(self, data)
            except DataError:
                return bytes(data).decode()

        connection.adapters.register_loader(name, type(f"Any{loader.__name__}", (loader,), {"load": load}))
