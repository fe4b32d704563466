"""Commands on their way to a simulated shop: making them, delivering them, and processes that do both until killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from jobs.dispatch import Delivered, dispatch
from providers.simulators.receiver import SECRET, CommandReceiver
from reconciler.commands import CommandType
from reconciler.schema_told import audit_records, commands, outbox
from reconciler.settings import Commands, Settings, Shop
from reconciler.store import audit
from reconciler.store.commands import make_command
from reconciler.store.engine import read, write
from tests.stores import stored

TYPES: tuple[CommandType, ...] = ("account.suspend", "account.reinstate")
WORKER = Path(__file__).with_name("command_worker.py")


def settings_for(address: str) -> Settings:
    """A configuration whose commands go to an address."""
    return Settings(shop=Shop(commands=Commands(url=address, secret=SecretStr(SECRET))))


def decide(connection: sa.Connection, account: str, number: int = 0, **changes: Any) -> str:
    """A decision about an account that makes a command: suspended and reinstated in turn."""
    values = {
        "type": TYPES[number % 2],
        "account_id": account,
        "case_id": f"case-{account}-{number}",
        "finding_id": None,
        "policy_clause": "7",
        "reason": "a chargeback",
        "decided_by": "Ann",
        "mode": "manual",
        "evidence_url": None,
        "now": datetime.now(UTC),
    }
    return make_command(connection, **(values | changes))


def decided(engine: sa.Engine, *accounts: str, each: int = 1) -> list[str]:
    """Decide so many times about each account; the commands' ids in order."""
    with write(engine) as connection:
        return [decide(connection, account, number) for number in range(each) for account in accounts]


def deliver(engine: sa.Engine, receiver: CommandReceiver, at: datetime | None = None) -> Delivered:
    """One pass of delivery, at a time."""
    return dispatch(settings_for(receiver.address), engine, now=lambda: at or datetime.now(UTC))


class Workers:
    """Processes that decide and deliver until they are killed."""

    def __init__(self) -> None:
        """The first is ready in a second or two, the others at once."""
        self._pids: list[int] = []
        self._maker = subprocess.Popen(
            [sys.executable, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=WORKER.parent.parent,
        )

    def start(self, url: str, receiver: CommandReceiver | str, mode: str) -> int:
        """Begin one on a store, which delivers to a receiver or an address; its process id."""
        assert self._maker.stdin is not None
        assert self._maker.stdout is not None
        address = receiver if isinstance(receiver, str) else receiver.address
        self._maker.stdin.write(f"{url} {address} {mode}\n")
        self._maker.stdin.flush()
        self._pids.append(int(self._maker.stdout.readline()))
        return self._pids[-1]

    def kill(self, pid: int) -> None:
        """End one in the middle of whatever it does; it must still be at work."""
        self._pids.remove(pid)
        os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> "Workers":
        """For the length of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them all."""
        for pid in list(self._pids):
            self.kill(pid)
        self._maker.communicate()


def check(engine: sa.Engine, receiver: CommandReceiver) -> int:
    """Everything that must hold when all is delivered; returns the number of commands."""
    made = {row.command_id: row for row in stored(engine, commands)}
    recorded = {row.subject for row in stored(engine, audit_records) if row.kind == "command.made"}
    arrived: dict[str, set[bytes]] = {}
    for one in receiver.arrivals:
        arrived.setdefault(one.id, set()).add(one.body)
    assert set(arrived) == set(made), "each command arrived, and none without its decision"
    assert recorded == set(made)
    assert {len(bodies) for bodies in arrived.values()} <= {1}, "the body never changes under an id"
    first_seqs: dict[str, list[int]] = {}
    for id_ in arrived:  # in the order of first arrival
        first_seqs.setdefault(made[id_].account_id, []).append(made[id_].seq)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in first_seqs.values()), "in order per account"
    assert len({one["data"]["command_id"] for one in receiver.applied}) == len(receiver.applied) == len(made)
    with read(engine) as connection:
        assert audit.verify(connection) is None
    return len(made)


@pytest.fixture
def receiver() -> Iterator[CommandReceiver]:
    """The shop's receiver, up on loopback."""
    with CommandReceiver() as running:
        yield running


def soon() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def only(engine: sa.Engine) -> Any:
    """The one command in the outbox."""
    [row] = [row for row in stored(engine, outbox) if row.channel == "command"]
    return row
