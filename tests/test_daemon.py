"""The daemon as a process: it works, tells nobody twice, and stops when it is asked to."""

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from reconciler.schema import runs
from reconciler.schema_books import job_runs, leases
from reconciler.store.engine import open_store, read
from tests.main_job import Stage, left_behind, staged


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One world for all tests of this module."""
    with staged(tmp_path_factory.mktemp("world")) as world:
        yield world


def wait_for_a_run(url: str, process: "subprocess.Popen[str]", count: int = 1) -> None:
    """Wait until so many runs are finished."""
    deadline = time.monotonic() + 60
    engine = open_store(url)
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        with read(engine) as connection:
            query = sa.select(sa.func.count()).select_from(runs).where(runs.c.finished_at.is_not(None))
            if connection.execute(query).scalar_one() >= count:
                return
        time.sleep(0.05)
    pytest.fail("no run was finished in a minute")


def start_pulling(stage: Stage, url: str) -> "subprocess.Popen[str]":
    """Begin a daemon and wait until it asks a provider for something."""
    calls = len(stage.digiseller.calls)
    process = stage.start(url, "daemon", RECONCILER_WEB__PORT="0")
    deadline = time.monotonic() + 60
    while len(stage.digiseller.calls) == calls:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the daemon asked for nothing in a minute"
        time.sleep(0.02)
    return process


def stop(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Ask the daemon to stop; its exit code and what it said."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_it_pulls_and_judges_at_start_and_stops_cleanly_on_sigterm(stage: Stage) -> None:
    url, reference = stage.url("daemon"), stage.url("once")
    process = stage.start(url, "daemon", RECONCILER_WEB__PORT="0")
    wait_for_a_run(url, process)
    code, err = stop(process)
    assert code == 0, err
    assert "Traceback" not in err
    assert stage.run(reference).returncode == 0
    assert left_behind(url) == left_behind(reference)
    with read(open_store(url)) as connection:
        assert connection.execute(sa.select(leases)).all() == []
        assert not [row for row in connection.execute(sa.select(job_runs)) if row.finished_at is None]


def test_it_stops_in_the_middle_of_a_pull(stage: Stage) -> None:
    url = stage.url("middle")
    process = start_pulling(stage, url)
    code, err = stop(process, signal.SIGINT)
    assert code in {0, -signal.SIGINT, 130}, err
    assert stage.run(url).returncode == 0


def test_a_killed_daemon_is_followed_at_once(stage: Stage) -> None:
    url = stage.url("followed")
    first = start_pulling(stage, url)
    first.kill()
    first.communicate()
    second = stage.start(url, "daemon", RECONCILER_WEB__PORT="0")
    wait_for_a_run(url, second)
    assert stop(second)[0] == 0


def test_a_run_beside_a_working_daemon_says_so_in_one_line_or_waits_its_turn(stage: Stage) -> None:
    url = stage.url("beside")
    process = stage.start(url, "daemon", RECONCILER_WEB__PORT="0")
    beside = stage.run(url)
    assert stop(process)[0] == 0
    assert beside.returncode in {0, 2}
    if beside.returncode == 2:
        assert "another reconciler" in beside.stderr
    assert "Traceback" not in beside.stderr
