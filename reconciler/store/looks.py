"""Remembers the single looks that failed: none keeps back the others, and one that lasts is told to a person."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger

from reconciler.columns import to_us
from reconciler.model import ChargeState, FailedLook, Quarantined
from reconciler.schema import quarantine
from reconciler.schema_pull import failed_looks
from reconciler.store.upsert import upsert

SET_ASIDE_AFTER = 5
"""After so many failures a look counts as an odd record, not as a passing fault, and waits in quarantine."""
_PATIENCE = 8
"""A look that was set aside is tried again when an 8th of the time since its first failure has passed."""
_RETRIES = 10


def note_looks(
    connection: sa.Connection, failed: Iterable[FailedLook], states: Iterable[ChargeState], now: datetime
) -> tuple[list[Quarantined], list[tuple[str, ...]]]:
    """Count failed looks and forget those of charges that were read.

    Returns what is to be set aside now, and which records so leave quarantine.
    """
    table = failed_looks
    rows = [(look.provider, look.ref, 1, look.reason, now, now) for look in failed]
    upsert(
        connection,
        table,
        rows,
        changes=lambda old, new: {
            "failures": old.c.failures + new.failures,
            "reason": new.reason,
            "last_failed_at": new.last_failed_at,
        },
    )
    known = {(row.provider, row.ref): row for row in connection.execute(sa.select(table))}
    released: list[tuple[str, ...]] = []
    for key in sorted({(state.provider, state.ref) for state in states} & known.keys()):
        released += _forget(connection, *key, now)
    noted = [known[row[0], row[1]] for row in rows]
    return [_set_aside(row) for row in noted if row.failures >= SET_ASIDE_AFTER], released


def failed_refs(connection: sa.Connection, provider: str) -> set[str]:
    """The refs whose last look failed: they are tried apart, so that they never stand before the others."""
    query = sa.select(failed_looks.c.ref).where(failed_looks.c.provider == provider)
    return set(connection.execute(query).scalars())


def refs_to_retry(connection: sa.Connection, provider: str, now: datetime) -> list[str]:
    """Failed looks to try once more, one by one: with each pull, and ever more rarely once they are set aside."""
    table = failed_looks.c
    first, last = (sa.type_coerce(column, BigInteger) for column in (table.first_failed_at, table.last_failed_at))
    rested = (to_us(now) - last) * _PATIENCE >= last - first
    query = (
        sa.select(table.ref)
        .where(table.provider == provider, sa.or_(table.failures < SET_ASIDE_AFTER, rested))
        .order_by(table.last_failed_at, table.ref)
        .limit(_RETRIES)
    )
    return list(connection.execute(query).scalars())


def still_failing(connection: sa.Connection, provider: str) -> str | None:
    """One line about the looks that failed and are not set aside yet, None when there are none."""
    table = failed_looks.c
    query = (
        sa.select(failed_looks)
        .where(table.provider == provider, table.failures < SET_ASIDE_AFTER)
        .order_by(table.first_failed_at, table.ref)
    )
    rows = list(connection.execute(query))
    if not rows:
        return None
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return f"charge {rows[0].ref}{more} could not be read: {rows[0].reason}; it is tried again with each run"


def retry_all(connection: sa.Connection, provider: str) -> None:
    """Make every failed look due again."""
    table = failed_looks
    connection.execute(
        sa.update(table).where(table.c.provider == provider).values(last_failed_at=table.c.first_failed_at)
    )


def _set_aside(row: Any) -> Quarantined:
    reason = (
        f"it could not be read {row.failures} times since {row.first_failed_at:%Y-%m-%d %H:%M} UTC ({row.reason}); "
        f"look at charge {row.ref} in the provider's cabinet, it is asked for again from time to time"
    )
    return Quarantined(row.provider, _source(row.provider), row.ref, reason, {"ref": row.ref})


def _forget(connection: sa.Connection, provider: str, ref: str, now: datetime) -> list[tuple[str, ...]]:
    table = failed_looks.c
    connection.execute(sa.delete(failed_looks).where(table.provider == provider, table.ref == ref))
    held = quarantine.c
    here = (held.provider == provider, held.source == _source(provider), held.key == ref)
    left = sa.update(quarantine).where(*here).values(released_at=now)
    return [tuple(row) for row in connection.execute(left.returning(held.provider, held.source, held.key))]


def _source(provider: str) -> str:
    return f"{provider}.looks"
