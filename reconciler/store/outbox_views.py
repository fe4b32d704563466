"""The outbox for people and programs: its entries as documents, and the word to deliver held ones again."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.findings import iso
from reconciler.outbox import COMMAND, State
from reconciler.schema_told import outbox as table
from reconciler.store import audit, outbox
from reconciler.store.paging import SIZE, page

Shown = dict[str, Any]
REPORT = "report:"
"""How the keys of reports begin that are sent: the days and the address follow."""


def documents(connection: sa.Connection, *, channels: Collection[str], states: Iterable[State]) -> list[Shown]:
    """Entries of these channels in these states, oldest first, each with its attempts."""
    return [document(row) for row in outbox.entries(connection, channels=channels, states=states)]


def sent_reports(connection: sa.Connection) -> list[Shown]:
    """The reports that were to be sent, oldest first: of which days, to whom, and what became of each."""
    rows = connection.execute(sa.select(table).where(table.c.key.startswith(REPORT)).order_by(table.c.id)).mappings()
    found = outbox.with_attempts(connection, [dict(row) for row in rows], table.c.key.startswith(REPORT))
    return [_report(document(row)) for row in found]


def _report(shown: Shown) -> Shown:
    names = ("key", "state", "created_at", "due_at", "finished_at", "note")
    report = {"report": shown["key"].split(":")[1], "address": shown["channel"]}
    return report | {name: shown[name] for name in names} | {"attempts": len(shown["attempts"])}


def entry_page(
    connection: sa.Connection, state: str = "", after: str | None = None, size: int = SIZE
) -> tuple[list[Shown], str | None]:
    """Entries, the newest first, and where the next page begins."""
    query = sa.select(table).where(table.c.state == state) if state else sa.select(table)
    found = page(connection, query, (table.c.id,), after=after, size=size, newest_first=True)
    chosen = table.c.id.in_([row["id"] for row in found.rows])
    return [document(row) for row in outbox.with_attempts(connection, found.rows, chosen)], found.next


def document(row: Shown) -> Shown:
    """One entry as `outbox list` prints it."""
    waits = row["state"] == "todo"
    return {
        "key": row["key"],
        "channel": row["channel"],
        "state": row["state"],
        "body": json.loads(row["body"]) if row["channel"] == COMMAND else row["body"],
        "created_at": iso(row["created_at"]),
        "due_at": iso(row["due_at"]) if waits else None,
        "finished_at": iso(row["finished_at"]),
        "note": row["note"],
        "attempts": [_attempt(one) for one in row["attempts"]],
    }


def retry_held(
    connection: sa.Connection, keys: Collection[str] | None, by: str, now: datetime
) -> tuple[list[str], list[str]]:
    """Make held entries due again, with an audit record each; None or none: all of them.

    Returns the keys that are due now, and those that a newer command has overtaken. Raises BadRecord for a key that
    is not held.
    """
    again, overtaken = outbox.retry(connection, keys or None, now)
    unknown = sorted(set(keys or ()) - {*again, *overtaken})
    if unknown:
        raise BadRecord(f"{unknown[0]} is not held: `reconciler outbox list --state held` shows what is")
    for key in again:
        audit.record(connection, "outbox.retried", key, by, now, {})
    return again, overtaken


def _attempt(row: Shown) -> Shown:
    return {
        "number": row["epoch"],
        "started_at": iso(row["started_at"]),
        "finished_at": iso(row["finished_at"]),
        "outcome": row["outcome"],
        "note": row["note"],
    }
