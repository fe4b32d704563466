"""What the providers pushed, for people and programs."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reconciler.findings import iso
from reconciler.schema_webhooks import webhooks
from reconciler.store.paging import SIZE, page

_HEAVY = {"body", "query", "headers"}


def document(row: Mapping[str, Any]) -> dict[str, Any]:
    """One event as `webhooks list` prints it, without its content."""
    return {
        "id": str(row["id"]),
        "provider": row["provider"],
        "name": row["name"],
        "ref": row["ref"],
        "state": row["state"],
        "result": row["result"],
        "received_at": iso(row["received_at"]),
        "last_received_at": iso(row["last_received_at"]),
        "deliveries": row["deliveries"],
        "created_at": iso(row["event_at"]),
        "processed_at": iso(row["processed_at"]),
        "late": row["late"],
        "previous_key": row["old_key"],
        "key": row["key"],
    }


def event_page(
    connection: sa.Connection, after: str | None = None, size: int = SIZE, state: str = ""
) -> tuple[list[dict[str, Any]], str | None]:
    """Events, the newest first, and where the next page begins."""
    query = sa.select(*(column for column in webhooks.columns if column.name not in _HEAVY))
    if state:
        query = query.where(webhooks.c.state == state)
    found = page(connection, query, (webhooks.c.id,), after=after, size=size, newest_first=True)
    return [document(row) for row in found.rows], found.next
