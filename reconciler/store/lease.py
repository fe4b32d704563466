"""Lets one process at a time do the work: a lease row with a fencing number, renewed while the work goes on."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from reconciler.errors import Retryable
from reconciler.schema_books import leases
from reconciler.store.engine import write

TERM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work, under the fencing number `epoch`."""

    name: str
    holder: str
    epoch: int

    def guard(self, connection: sa.Connection) -> None:
        """Refuse to go on in this transaction when somebody else has taken the lease; raises Retryable."""
        row = connection.execute(sa.select(leases.c.epoch).where(leases.c.name == self.name)).one_or_none()
        if row is None or row.epoch != self.epoch:
            raise Retryable("another reconciler took over while this one was paused; nothing was written")


@contextmanager
def held(engine: sa.Engine, name: str = "work") -> Iterator[Lease]:
    """Hold the lease for the time of a block; raises Retryable when somebody else has it."""
    lease = _acquire(engine, name)
    done = threading.Event()
    renewer = threading.Thread(target=_renew, args=(engine, lease, done), name="lease", daemon=True)
    renewer.start()
    try:
        yield lease
    finally:
        done.set()
        renewer.join()
        with write(engine, alone=False) as connection:
            connection.execute(sa.delete(leases).where(leases.c.name == name, leases.c.epoch == lease.epoch))


def _acquire(engine: sa.Engine, name: str) -> Lease:
    now = datetime.now(UTC)  # read before the update: the deadline never counts from later than this
    with write(engine, alone=False) as connection:
        row = connection.execute(sa.select(leases).where(leases.c.name == name).with_for_update()).one_or_none()
        if row is not None and row.expires_at > now and not is_gone(row.holder):
            host, pid, _ = row.holder.split("|")
            raise Retryable(f"another reconciler (process {pid} on {host}) is at work; try again when it is done")
        lease = Lease(name, me(), row.epoch + 1 if row is not None else _first_epoch(now))
        connection.execute(sa.delete(leases).where(leases.c.name == name))
        values = {"name": name, "holder": lease.holder, "epoch": lease.epoch, "expires_at": now + TERM}
        connection.execute(sa.insert(leases).values(values))
    return lease


def _renew(engine: sa.Engine, lease: Lease, done: threading.Event) -> None:
    while not done.wait(TERM.total_seconds() / 3):
        now = datetime.now(UTC)
        with write(engine, alone=False) as connection:
            connection.execute(
                sa.update(leases)
                .where(leases.c.name == lease.name, leases.c.epoch == lease.epoch)
                .values(expires_at=now + TERM)
            )


def _first_epoch(now: datetime) -> int:
    """Numbers grow even when the row of the last holder was removed."""
    return int(now.timestamp() * 1_000_000)


def me() -> str:
    """This process, told apart from every other on every host."""
    return f"{socket.gethostname()}|{os.getpid()}|{_start_ticks(os.getpid())}"


def is_gone(holder: str) -> bool:
    """Whether the holder (as `me` names it) ran on this host and its process is not there any more."""
    host, pid, ticks = holder.split("|")
    return host == socket.gethostname() and _start_ticks(int(pid)) != ticks


def _start_ticks(pid: int) -> str:
    """When a process started, by the kernel's count: a pid that is used again shows another one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
