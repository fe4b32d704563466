"""What all tests share: databases, files in memory, and a guard against talking to the outside world."""

import gc
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.databases import SERVER_DIR, _stores_are_copied, postgres_server, postgres_store, postgres_url, stop

__all__ = ["_stores_are_copied", "postgres_server", "postgres_store", "postgres_url"]

MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3
"""Where files cost no wait for a disk, and how many bytes have to be free there."""

hypothesis.settings.register_profile("shared-machine", deadline=None)
hypothesis.settings.load_profile("shared-machine")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session a folder for its server and clear settings of the developer's own shell."""
    if not hasattr(config, "workerinput"):
        _write_into_memory(config)
        folder = Path(tempfile.mkdtemp(prefix="rpg-"))
        os.environ[SERVER_DIR] = str(folder)
        config.add_cleanup(lambda: stop(folder))
    for name in [name for name in os.environ if name.startswith("RECONCILER_")]:
        del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests unless `-m` speaks of them."""
    if "long" in config.getoption("-m", default=""):
        return
    full_counts = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=full_counts)
    items[:] = [item for item in items if not item.get_closest_marker("long")]


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what the tests make, and not at the modules and tests again and again."""
    gc.collect()
    gc.freeze()


def _write_into_memory(config: pytest.Config) -> None:
    """Keep the session's files in memory where there is room, unless somebody chose another place.

    A killed process loses nothing there that it would not lose on a disk. The folder goes with the session.
    """
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = folder = tempfile.mkdtemp(prefix="tests-", dir=MEMORY)
        tempfile.tempdir = None  # looked for anew
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


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
