"""Removes raw records and bodies of webhooks that are older than they need to be kept; facts and findings stay."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from reconciler.cases.model import RESOLVED
from reconciler.schema import raw_records, runs
from reconciler.schema_cases import cases
from reconciler.schema_replay import readings, run_inputs
from reconciler.schema_webhooks import webhooks

_IMPORTED = "import."
_NAMED_BY_BODY = ("digiseller.receipts",)
"""Records under a key of their own, that name their charge inside."""


def remove_old(connection: sa.Connection, before: datetime) -> dict[str, int]:
    """Remove what was last needed before a time, but what an open case rests on; returns how many of each.

    What an import told stays: it may be all that is known of it, and tells that it was an import. The log of readings
    goes with the records that it names.
    """
    raw = raw_records.c
    old = sa.delete(raw_records).where(
        raw.first_seen_at < before, ~raw.source.startswith(_IMPORTED, autoescape=True), ~_needed()
    )
    pushed = webhooks.c
    done = sa.and_(pushed.last_received_at < before, pushed.due_at.is_(None), sa.func.length(pushed.body) > 0)
    waits = _open_cases().where(cases.c.provider == pushed.provider, cases.c.ref == pushed.ref).exists()
    emptied = sa.update(webhooks).where(done, ~waits).values(body=b"", query=b"", headers="[]")
    removed = {"raw_records": connection.execute(old).rowcount}
    connection.execute(sa.delete(readings).where(readings.c.at < before))
    of_then = sa.select(runs.c.id).where(runs.c.finished_at < before)
    connection.execute(sa.delete(run_inputs).where(run_inputs.c.run_id.in_(of_then)))
    return removed | {"webhooks": connection.execute(emptied).rowcount}


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
