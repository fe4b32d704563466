"""Once a day takes a base where one is due, removes what is older than `[retention] raw_days`, and says how much."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa

from reconciler.findings import iso
from reconciler.settings import Settings
from reconciler.store import audit, bases, losses
from reconciler.store.engine import read, write
from reconciler.store.lease import Lease
from reconciler.store.retention import find_old, remove_old

KIND = "records.removed"
EVERY = timedelta(days=1)
BASES = 4
"""So many bases are taken while raw records are kept: so long a part of it stays recomputable, but for one."""


def remove_outdated(
    settings: Settings, engine: sa.Engine, now: datetime, *, lease: Lease | None = None
) -> dict[str, int]:
    """Remove what is too old, unless that was done within a day; returns how many of each were.

    Raises Retryable when the lease was lost meanwhile: then somebody else may have erased what was read before.
    """
    with read(engine) as connection:
        last = audit.last_at(connection, KIND)
    if last is not None and now - last < EVERY:
        return {}
    kept = timedelta(days=settings.retention.raw_days)
    take_base(engine, now, kept / BASES, lease=lease)
    with read(engine) as connection:
        old = find_old(connection, now - kept)
    with _guarded(engine, lease) as connection:
        removed = remove_old(connection, old)
        audit.record(connection, KIND, "retention", audit.PROGRAM, now, {"before": iso(now - kept), **removed})
    return removed


def take_base(engine: sa.Engine, now: datetime, every: timedelta, *, lease: Lease | None = None) -> None:
    """Keep a copy of the facts where the last one, or else the beginning of the log, is older than `every`.

    It is read from one snapshot into a file, so that nobody who writes has to wait for it.
    """
    with tempfile.TemporaryFile() as file:
        with read(engine) as source:
            if not _is_due(source, now - every):
                return
            reading = bases.last_reading(source)
            sizes = [(name, file.write(data)) for name, data in bases.copied(source)]
        file.seek(0)
        with _guarded(engine, lease) as connection:
            bases.keep_base(connection, reading, ((name, file.read(size)) for name, size in sizes), now)


@contextmanager
def _guarded(engine: sa.Engine, lease: Lease | None) -> Iterator[sa.Connection]:
    """A write transaction of whoever still holds the lease."""
    with write(engine) as connection:
        if lease is not None:
            lease.guard(connection)
        yield connection


def _is_due(connection: sa.Connection, before: datetime) -> bool:
    if (last := bases.newest(connection)) is not None:
        return bool(last.at < before)
    begun = losses.log_began(connection)
    return losses.never_kept(connection) is not None or (begun is not None and begun < before)
