"""Rewrites what tables say of an erased buyer, row by row: every text, document and body, and no id."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import sqlalchemy as sa
from sqlalchemy import ColumnElement, LargeBinary, String, Table
from sqlalchemy.types import JSON

from reconciler.erasure import Redactor
from reconciler.schema import raw_records
from reconciler.schema_told import outbox
from reconciler.text import body_text

_IDS = frozenset(
    {"id", "ref", "key", "subject", "root", "account_id", "order_id", "provider_ref", "parent_ref", "group_ref"}
    | {"finding_id", "case_id", "command_id", "sequence_key"}
)
"""Columns that rows are known by: an address there is an id that the shop or the provider chose, and stays."""


def mentioning(table: Table, needles: Iterable[str]) -> ColumnElement[bool]:
    """Rows that may mention one of `needles`; bodies in bytes are looked at one by one."""
    columns = [column for column in table.columns if isinstance(column.type, String | JSON)]
    if any(isinstance(column.type, LargeBinary) for column in table.columns):
        return sa.true()
    return sa.or_(
        sa.false(),
        *(
            sa.func.lower(sa.cast(column, sa.Text)).contains(needle.lower(), autoescape=True)
            for column in columns
            for needle in needles
        ),
    )


def rewrite(connection: sa.Connection, table: Table, redactor: Redactor, where: ColumnElement[bool]) -> tuple[int, int]:
    """Rewrite the rows that mention an erased buyer; returns how many were, and how many had to stay."""
    changed = left = 0
    rows = connection.execute(sa.select(table).where(where).execution_options(yield_per=500)).mappings()
    found = [(row, new) for row in map(dict, rows) if (new := _changes(table, row, redactor))]
    for row, new in found:
        ids = {name for name in new if name in _IDS}
        if table is outbox and row["state"] == "todo":
            ids = set(new)
        left += bool(ids)
        new = {name: value for name, value in new.items() if name not in ids}
        if new:
            changed += 1
            _store(connection, table, row, new)
    return changed, left


def redacted_row(redactor: Redactor, names: Sequence[str], row: Sequence[Any]) -> list[Any]:
    """A row that is kept apart from its table, without the erased buyer; ids stay here too."""
    return [
        _text(redactor, name, value) if isinstance(value, str) and name not in _IDS else value
        for name, value in zip(names, row, strict=True)
    ]


def _changes(table: Table, row: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    new = {column.name: _redacted(redactor, column, row[column.name]) for column in table.columns}
    return {name: value for name, value in new.items() if value != row[name]}


def _redacted(redactor: Redactor, column: Any, value: Any) -> Any:
    if isinstance(column.type, JSON):
        return redactor.document(value)
    if isinstance(value, bytes):
        return _bytes(redactor, column.name, value)
    return _text(redactor, column.name, value) if isinstance(value, str) else value


def _bytes(redactor: Redactor, name: str, value: bytes) -> bytes:
    """A body or a query as it was received, where an address may be encoded as in a link."""
    text = value.decode("utf-8", "surrogateescape")
    plain = unquote_plus(text, errors="surrogateescape")
    new = _text(redactor, name, text)
    if new == text and (bare := redactor.text(plain)) != plain:
        new = bare
    return new.encode("utf-8", "surrogateescape")


def _text(redactor: Redactor, name: str, value: str) -> str:
    """A text, or a JSON document that is kept as one."""
    if value[:1] not in ("{", "["):
        return str(redactor.field(name, value))
    try:
        said = json.loads(value, parse_float=Decimal)
    except (ValueError, RecursionError):
        return redactor.text(value)
    new = redactor.document(said)
    return body_text(new) if new != said else value


def _store(connection: sa.Connection, table: Table, row: Mapping[str, Any], new: dict[str, Any]) -> None:
    if table is raw_records and "body" in new:
        new["digest"] = hashlib.sha256(new["body"].encode()).hexdigest()
        same = sa.and_(*(table.c[name] == row[name] for name in ("provider", "source", "key")))
        twin = sa.select(table.c.id).where(same, table.c.digest == new["digest"], table.c.id != row["id"])
        if connection.execute(twin).first():
            connection.execute(sa.delete(table).where(table.c.id == row["id"]))
            return
    mine = sa.and_(*(column == row[column.name] for column in table.primary_key.columns))
    connection.execute(sa.update(table).where(mine).values(new))
