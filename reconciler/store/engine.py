"""Opens the store: SQLite or PostgreSQL with the settings that keep acknowledged commits safe, and its migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from reconciler.errors import ConfigError, Retryable

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cache_size=-65536",  # 64 MiB, taken as needed: what is young and in use stays at hand in a long history
    "PRAGMA mmap_size=1073741824",  # 1 GiB of the system's own cache is read in place, uncopied: old rows
)


def open_store(url: str) -> sa.Engine:
    """Connect to the store at a SQLAlchemy URL and bring its tables up to date.

    Raises ConfigError when the URL cannot be used and Retryable when the server cannot be reached.
    """
    engine = connect(url)
    try:
        migrate(engine)
    except sa.exc.OperationalError as error:
        raise Retryable(f"[database] url: the database cannot be opened ({_short(error)}); is it running?") from None
    except sa.exc.DatabaseError as error:
        raise ConfigError(f"[database] url: this is no database of ours ({_short(error)})") from None
    return engine


def connect(url: str) -> sa.Engine:
    """An engine for SQLite or PostgreSQL (`sqlite:///…`, `postgresql+psycopg://…`); raises ConfigError."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigError("[database] url is no database address; an example: sqlite:///var/reconciler.db") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed)
    raise ConfigError(f"[database] url: {parsed.get_backend_name()} is not supported; use sqlite or postgresql+psycopg")


@contextmanager
def write(engine: sa.Engine, *, keep: bool = True, alone: bool = True) -> Iterator[sa.Connection]:
    """A write transaction. One at a time on both engines, so that none fails for what another wrote meanwhile.

    Without `keep` everything is undone at the end (a dry run). Without `alone` it does not wait for others on
    PostgreSQL (on SQLite it has to): for what must not wait, and writes no audit record.
    """
    options = {"write": True, "alone": alone}
    with engine.connect().execution_options(**options) as connection, connection.begin() as transaction:
        yield connection
        if not keep:
            transaction.rollback()


@contextmanager
def read(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A read transaction: one snapshot for all its queries."""
    with engine.connect() as connection, connection.begin():
        yield connection


def stands_alone(connection: sa.Connection) -> bool:
    """Whether this is a write transaction beside which there is no other."""
    options = connection.get_execution_options()
    return bool(options.get("write") and options.get("alone"))


def migrate(engine: sa.Engine) -> None:
    """Run the migrations that this database has not seen yet."""
    with write(engine, alone=False) as connection:  # the table that is locked for it may not be there yet
        if _revision(connection) != _scripts().get_current_head():
            config = Config()
            config.set_main_option("script_location", str(_migrations()))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def is_current(engine: sa.Engine) -> bool:
    """Whether the database has seen every migration."""
    with read(engine) as connection:
        return _revision(connection) == _scripts().get_current_head()


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_migrations()))


def _migrations() -> Path:
    return Path(__file__).resolve().parent.parent / "migrations"


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(pragma).close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write_wanted = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write_wanted else "BEGIN DEFERRED")


def _postgresql(url: sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(url, isolation_level="REPEATABLE READ", connect_args={"connect_timeout": 10})
    except ModuleNotFoundError as error:
        raise ConfigError(f"[database] url needs {error.name}: install payment-reconciler[postgres]") from None
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: sa.Connection) -> None:
    """LOCK comes before the transaction's snapshot is taken: whoever waited sees what the one before it wrote."""
    if stands_alone(connection):
        connection.exec_driver_sql("LOCK TABLE audit_records IN SHARE ROW EXCLUSIVE MODE")


def _short(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
