"""Removes raw records and bodies of webhooks that are older than they need to be kept; facts and findings stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from reconciler.cases.model import RESOLVED
from reconciler.schema import raw_records, runs
from reconciler.schema_cases import cases
from reconciler.schema_replay import kept_texts, readings, run_inputs
from reconciler.schema_webhooks import webhooks
from reconciler.store import named
from reconciler.store.bases import drop_before, last_reading, log_begins
from reconciler.store.findings import parts
from reconciler.store.imports import SOURCE

_NAMED_BY_BODY = ("digiseller.receipts",)
"""Records under a key of their own, that name their charge inside."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """What nothing needed any more after a reading and a run, and from where on the log itself has to stay."""

    before: datetime
    begins: int
    reading: int
    run: int
    records: Sequence[int]
    texts: Sequence[str]


def find_old(connection: sa.Connection, before: datetime) -> Outdated:
    """Find what was last needed before a time, but what an open case rests on.

    What an import told stays: it may be all that is known of it, and tells that it was an import. So does what the log
    of readings names from the oldest base on, since days are recomputed from there. The whole log is read for it, which
    takes minutes where it is long: so nothing is written here, and nobody who writes has to wait.
    """
    begins, reading, raw = log_begins(connection, before), last_reading(connection), raw_records.c
    run = connection.execute(sa.select(sa.func.max(run_inputs.c.run_id))).scalar() or 0
    last = connection.execute(sa.select(sa.func.max(raw.id)).where(raw.first_seen_at < before)).scalar()
    if not (begins or last):
        return Outdated(before, begins, reading, run, (), ())
    named.find_named(connection, begins, last or 0)
    imported = raw.source.startswith(SOURCE, autoescape=True)
    old = sa.select(raw.id).where(raw.id <= (last or 0), raw.first_seen_at < before, ~imported, ~_is_named())
    records = connection.execute(old.where(~_needed())).scalars().all()
    texts = connection.execute(sa.select(kept_texts.c.digest).where(~_is_used())).scalars().all()
    named.forget_named(connection)
    return Outdated(before, begins, reading, run, records, texts)


def remove_old(connection: sa.Connection, old: Outdated) -> dict[str, int]:
    """Remove what was found, but what has come to be needed since; returns how many of each."""
    drop_before(connection, old.before)
    cut = _cut_log(connection, old.begins, old.before) if old.begins else 0
    removed = _remove_unnamed(connection, old) if old.records or old.texts else 0
    return {"raw_records": removed, "readings": cut, "webhooks": _empty_webhooks(connection, old.before)}


def _cut_log(connection: sa.Connection, begins: int, before: datetime) -> int:
    """Drop what was read before the oldest base, and the inputs of runs of then."""
    cut = connection.execute(sa.delete(readings).where(readings.c.id < begins)).rowcount
    of_then = sa.select(runs.c.id).where(runs.c.finished_at < before)
    row = run_inputs.c
    connection.execute(sa.delete(run_inputs).where(sa.or_(row.last_reading < begins, row.run_id.in_(of_then))))
    return cut


def _remove_unnamed(connection: sa.Connection, old: Outdated) -> int:
    named.find_named(connection, old.reading, max(old.records, default=0), old.run)
    removed = 0
    for part in parts(old.records):
        these = sa.delete(raw_records).where(raw_records.c.id.in_(part), ~_is_named(), ~_needed())
        removed += connection.execute(these).rowcount
    for part in parts(old.texts):
        connection.execute(sa.delete(kept_texts).where(kept_texts.c.digest.in_(part), ~_is_used()))
    named.forget_named(connection)
    return removed


def _is_named() -> ColumnElement[bool]:
    return sa.exists().where(named.records.c.id == raw_records.c.id)


def _is_used() -> ColumnElement[bool]:
    return sa.exists().where(named.texts.c.digest == kept_texts.c.digest)


def _empty_webhooks(connection: sa.Connection, before: datetime) -> int:
    pushed = webhooks.c
    done = sa.and_(pushed.last_received_at < before, pushed.due_at.is_(None), sa.func.length(pushed.body) > 0)
    waits = _open_cases().where(cases.c.provider == pushed.provider, cases.c.ref == pushed.ref).exists()
    emptied = sa.update(webhooks).where(done, ~waits).values(body=b"", query=b"", headers="[]")
    return connection.execute(emptied).rowcount


def _needed() -> ColumnElement[bool]:
    """A record of a charge, order or account that an open case is about."""
    raw, case = raw_records.c, cases.c
    charge = sa.and_(
        raw.provider == case.provider,
        sa.or_(
            raw.key == case.ref,
            raw.key.startswith(case.ref + ":"),
            sa.and_(raw.source.in_(_NAMED_BY_BODY), raw.body.contains(case.ref)),
        ),
    )
    shop = sa.and_(raw.provider == "shop", raw.key.in_([case.order_id, case.account_id]))
    return _open_cases().where(sa.or_(charge, shop)).exists()


def _open_cases() -> sa.Select[Any]:
    return sa.select(sa.literal(1)).select_from(cases).where(cases.c.status != RESOLVED)
