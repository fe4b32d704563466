"""Keeps the audit chain: appended to in the transaction of what it records, read to be verified, never changed."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.audit import Broken, Record, canonical, chained, first_broken
from reconciler.findings import iso
from reconciler.schema_told import audit_records
from reconciler.store.engine import stands_alone
from reconciler.store.paging import SIZE, page

PROGRAM = "reconciler"
"""The actor of what the program does by itself."""
OPERATOR = "operator"
"""Whoever sits at the command line, where a command asks for no name."""


def record(
    connection: sa.Connection, kind: str, subject: str, actor: str, now: datetime, data: Mapping[str, Any]
) -> None:
    """Append a record in the caller's write transaction: it is there if and only if what it tells of is.

    No personal data beyond ids belongs into it, since it can never be erased. Raises RuntimeError in a transaction
    that does not stand alone: two at once would follow the same record.
    """
    if not stands_alone(connection):
        raise RuntimeError("an audit record needs a write transaction that stands alone")
    new = chained(head(connection), now, kind, subject, actor, canonical(data))
    values = {name: getattr(new, name) for name in audit_records.columns.keys()}  # noqa: SIM118 - names, not columns
    connection.execute(sa.insert(audit_records).values(values))


def head(connection: sa.Connection, at: datetime | None = None) -> Record | None:
    """The newest record, or the newest that is no later than `at`: its hash vouches for all before it."""
    query = sa.select(audit_records).order_by(audit_records.c.number.desc()).limit(1)
    if at is not None:
        query = query.where(audit_records.c.at <= at)
    row = connection.execute(query).one_or_none()
    return None if row is None else Record(*row)


def last_at(connection: sa.Connection, kind: str) -> datetime | None:
    """When the newest record of a kind was made."""
    row = audit_records.c
    at: datetime | None = connection.execute(
        sa.select(row.at).where(row.kind == kind).order_by(row.number.desc()).limit(1)
    ).scalar()
    return at


def verify(connection: sa.Connection, head: str | None = None) -> Broken | None:
    """Walk the whole chain; the first broken record, or None. `head`: a hash that must be in it."""
    return first_broken(_records(connection), head)


def chain(connection: sa.Connection, head_known: str | None = None) -> dict[str, Any]:
    """How long the chain is, its head, and its first broken record, as JSON values."""
    broken, last = verify(connection, head_known), head(connection)
    return {
        "records": last.number if last else 0,
        "head": last.hash if last else None,
        "broken": broken and {"number": broken.number, "reason": broken.reason},
    }


def record_page(
    connection: sa.Connection, after: str | None = None, size: int = SIZE
) -> tuple[list[dict[str, Any]], str | None]:
    """Records, the newest first, and where the next page begins."""
    key = (audit_records.c.number,)
    found = page(connection, sa.select(audit_records), key, after=after, size=size, newest_first=True)
    return [{**row, "at": iso(row["at"]), "data": json.loads(row["data"])} for row in found.rows], found.next


def _records(connection: sa.Connection) -> Iterator[Record]:
    query = sa.select(audit_records).order_by(audit_records.c.number).execution_options(yield_per=1000)
    for row in connection.execute(query):
        yield Record(*row)
