"""What the commands read from the store beyond findings and runs."""

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from reconciler import schema
from reconciler.findings import OPEN, iso
from reconciler.money import format_minor

Row = dict[str, Any]
_MICRO = Decimal(1_000_000)


def raw_records(
    connection: sa.Connection, provider: str, keys: Collection[str], source: str | None = None
) -> list[Row]:
    """Every stored version of the raw records with these keys, oldest first; bodies as JSON values."""
    table = schema.raw_records
    query = sa.select(table).where(table.c.provider == provider, table.c.key.in_(keys)).order_by(table.c.id)
    if source is not None:
        query = query.where(table.c.source == source)
    return [_with_body(row) for row in connection.execute(query).mappings()]


def transactions(connection: sa.Connection, provider: str, refs: Collection[str]) -> list[Row]:
    """The charges with these refs and their reversals, in time order, each with the order it is matched with."""
    if not refs:
        return []
    table, matches = schema.transactions, schema.matches
    query = (
        sa.select(table, matches.c.order_id, matches.c.rule)
        .outerjoin(matches, sa.and_(matches.c.provider == table.c.provider, matches.c.ref == table.c.ref))
        .where(table.c.provider == provider)
    )
    either = (table.c.ref.in_(refs), table.c.parent_ref.in_(refs))  # apart: no planner uses two indexes for one `or`
    rows = {row["ref"]: row for way in either for row in connection.execute(query.where(way)).mappings()}
    return [_readable(row) for row in sorted(rows.values(), key=lambda row: (row["occurred_at"], row["ref"]))]


def order(connection: sa.Connection, order_id: str | None) -> Row | None:
    """The shop's order, if it was read."""
    return _one(connection, schema.orders.c.order_id, order_id)


def account(connection: sa.Connection, account_id: str | None) -> Row | None:
    """The shop's account, if it was read."""
    return _one(connection, schema.accounts.c.account_id, account_id)


def quarantine(connection: sa.Connection) -> list[Row]:
    """The records that wait in quarantine, oldest first."""
    table = schema.quarantine
    query = (
        sa.select(table)
        .where(table.c.released_at.is_(None))
        .order_by(table.c.first_seen_at, table.c.provider, table.c.source, table.c.key)
    )
    return [_with_body(row) for row in connection.execute(query).mappings()]


def quarantined(connection: sa.Connection) -> int:
    """How many records wait in quarantine."""
    table = schema.quarantine
    return connection.execute(
        sa.select(sa.func.count()).select_from(table).where(table.c.released_at.is_(None))
    ).scalar_one()


def open_findings(connection: sa.Connection) -> list[Row]:
    """How many findings are open, by severity and kind."""
    table = schema.findings
    query = (
        sa.select(table.c.severity, table.c.kind, sa.func.count().label("count"))
        .where(table.c.status == OPEN)
        .group_by(table.c.severity, table.c.kind)
        .order_by(table.c.severity, table.c.kind)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _one(connection: sa.Connection, key: sa.Column[Any], value: str | None) -> Row | None:
    if value is None:  # asked for NULL, SQLite reads the whole table
        return None
    row = connection.execute(sa.select(key.table).where(key == value)).mappings().first()
    return None if row is None else _readable(row)


def _with_body(row: Any) -> Row:
    shown = dict(_shown(row))
    shown["body"] = json.loads(row["body"])
    return {name: value for name, value in shown.items() if name not in {"id", "digest", "released_at"}}


def _readable(row: Any) -> Row:
    """A stored row without the fields that say nothing, in the units that people use."""
    return {name: value for name, value in _shown(row) if value is not None}


def _shown(row: Any) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name.endswith("_minor"):
            yield name.removesuffix("_minor"), format_minor(value, row["currency"])
        elif name.endswith("_micro"):
            yield name.removesuffix("_micro"), None if value is None else f"{Decimal(value) / _MICRO:f}"
        else:
            yield name, iso(value) if isinstance(value, datetime) else value
