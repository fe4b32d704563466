"""Delivery under fire: killed at any moment, doubled, against a shop that fails, hangs and answers late."""

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from providers.simulators.receiver import CommandReceiver
from reconciler.schema_told import outbox, outbox_attempts
from reconciler.store.engine import open_store, write
from tests.deliveries import Workers, check, decided, deliver
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]
KINDS = ("late", "lost", "reset", "status", "hang", "late", "cut")


def misbehave(receiver: CommandReceiver, pick: random.Random) -> None:
    """Most calls of the next while go wrong, each in its own way."""
    for _ in range(30):
        receiver.fault("/", pick.choice(KINDS), skip=pick.randrange(3), status=503, seconds=pick.uniform(0.02, 0.3))


def drain(engine: sa.Engine, receiver: CommandReceiver) -> None:
    """Deliver what is left, the waits skipped."""
    receiver.clear_faults()
    at = datetime.now(UTC)
    while any(row.state == "todo" for row in stored(engine, outbox)):
        deliver(engine, receiver, at)
        at += timedelta(minutes=1)
        assert at < datetime.now(UTC) + timedelta(hours=3)


def skip_waits(engine: sa.Engine) -> None:
    """Make everything due now."""
    with write(engine) as connection:
        connection.execute(sa.update(outbox).values(due_at=datetime.now(UTC)))


def wait_until(engine: sa.Engine, state: str, count: int) -> None:
    """Wait until so many entries are in a state."""
    deadline = time.monotonic() + 60
    while sum(row.state == state for row in stored(engine, outbox)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_called(receiver: CommandReceiver, count: int, most_s: float) -> None:
    """Wait until the shop was called so often in all, though not for ever."""
    deadline = time.monotonic() + most_s
    while len(receiver.calls) < count and time.monotonic() < deadline:
        time.sleep(0.005)


def kill_again_and_again(url: str, times: int, seed: int) -> int:
    """Kill a deciding and delivering process so many times, each after some calls to the shop, then deliver the rest.

    Returns the number of commands.
    """
    pick = random.Random(seed)
    engine = open_store(url)
    with CommandReceiver() as receiver, Workers() as workers:
        for _ in range(times):
            receiver.clear_faults()
            misbehave(receiver, pick)
            skip_waits(engine)
            before, more = len(receiver.calls), pick.randrange(10)
            pid = workers.start(url, receiver, "decide")
            until_called(receiver, before + min(more, 1), 30)  # a busy machine takes its time to start a process
            until_called(receiver, before + more, 3)
            time.sleep(pick.uniform(0.0, 0.1))
            workers.kill(pid)
        drain(engine, receiver)
        return check(engine, receiver)


def test_killed_ten_times_each_command_arrives_under_one_id_and_none_without_its_decision(tmp_path: Path) -> None:
    assert kill_again_and_again(f"sqlite:///{tmp_path}/s.db", 10, 1) > 30


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_kills_lose_and_invent_no_command(url: str, seed: int) -> None:
    assert kill_again_and_again(url, 20, seed) > 60


def test_two_processes_on_one_database_never_send_a_command_at_the_same_time(url: str) -> None:
    engine = open_store(url)
    with CommandReceiver() as receiver, Workers() as workers:
        receiver.fault("/", "late", 1000, seconds=0.05)
        for _ in range(2):
            workers.start(url, receiver, "deliver")
        decided(engine, *(f"a{number}" for number in range(16)), each=3)
        wait_until(engine, "sent", 48)
        assert receiver.overlaps == []
        assert len(receiver.calls) == 48, "no command was sent twice"
        assert len({row.holder for row in stored(engine, outbox_attempts)}) == 2, "both took part"
        check(engine, receiver)
