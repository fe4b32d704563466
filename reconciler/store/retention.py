"""Removes raw records and bodies of webhooks that are older than they need to be kept; facts and findings stay."""

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
from reconciler.store.bases import drop_before
from reconciler.store.imports import SOURCE

_NAMED_BY_BODY = ("digiseller.receipts",)
"""Records under a key of their own, that name their charge inside."""


def remove_old(connection: sa.Connection, before: datetime) -> dict[str, int]:
    """Remove what was last needed before a time, but what an open case rests on; returns how many of each.

    What an import told stays: it may be all that is known of it, and tells that it was an import. So does what the log
    of readings names from the oldest base on, since days are recomputed from there; the log before it goes.
    """
    begins = drop_before(connection, before)
    cut = _cut_log(connection, begins, before) if begins else 0
    raw = raw_records.c
    last = connection.execute(sa.select(sa.func.max(raw.id)).where(raw.first_seen_at < before)).scalar()
    removed = _remove_unnamed(connection, begins, last or 0, before) if cut or last else 0
    return {"raw_records": removed, "readings": cut, "webhooks": _empty_webhooks(connection, before)}


def _cut_log(connection: sa.Connection, begins: int, before: datetime) -> int:
    """Drop what was read before the oldest base, and the inputs of runs of then."""
    cut = connection.execute(sa.delete(readings).where(readings.c.id < begins)).rowcount
    of_then = sa.select(runs.c.id).where(runs.c.finished_at < before)
    row = run_inputs.c
    connection.execute(sa.delete(run_inputs).where(sa.or_(row.last_reading < begins, row.run_id.in_(of_then))))
    return cut


def _remove_unnamed(connection: sa.Connection, begins: int, last: int, before: datetime) -> int:
    raw = raw_records.c
    named.find_named(connection, begins, last)
    is_named = sa.exists().where(named.records.c.id == raw.id)
    imported = raw.source.startswith(SOURCE, autoescape=True)
    old = sa.delete(raw_records).where(raw.id <= last, raw.first_seen_at < before, ~imported, ~is_named, ~_needed())
    removed = connection.execute(old).rowcount
    unused = ~sa.exists().where(named.texts.c.digest == kept_texts.c.digest)
    connection.execute(sa.delete(kept_texts).where(unused))
    named.forget_named(connection)
    return removed


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
