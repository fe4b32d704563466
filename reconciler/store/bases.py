"""Keeps bases: copies of all facts as of one place in the log of readings, from which days are recomputed."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Table

from reconciler import schema
from reconciler.columns import UtcTime, metadata
from reconciler.erasure import Redactor
from reconciler.schema_replay import readings, replay_base_parts, replay_bases
from reconciler.schema_told import audit_records
from reconciler.store import audit
from reconciler.store.imports import SOURCE
from reconciler.store.rewriting import redacted_row
from reconciler.store.upsert import insert_new

FACTS = (
    schema.transactions, schema.charge_states, schema.echoes, schema.signals, schema.orders, schema.accounts,
    schema.payments, schema.quarantine, schema.raw_records,
)  # fmt: skip
"""What storing a page writes and judging reads; of raw records only which ones an import brought. A migration that
makes older rows of these tables unfit has to drop the bases: their rows are put back as they were."""
TAKEN, REWRITTEN = "base.taken", "base.rewritten"
"""The kinds of audit records that vouch for a base."""
_ROWS = 2_000
_LEVEL = 3
_NO_BODY = "{}"
_LEFT_OUT = {
    "body": _NO_BODY,
    "digest": hashlib.sha256(_NO_BODY.encode()).hexdigest(),
    "current": True,
}
"""What nothing is judged by of a record in quarantine or of an import; a rebuild puts the same in its place."""


def copied(connection: sa.Connection) -> Iterator[tuple[str, bytes]]:
    """All facts as they stand, in parts: the name of the table, and some of its rows."""
    for table in FACTS:
        columns = [column for column in table.columns if column is not schema.raw_records.c.id]
        query = sa.select(*map(_plain, columns)).execution_options(yield_per=_ROWS)
        if table is schema.raw_records:
            query = query.where(table.c.source.startswith(SOURCE, autoescape=True))
        names = [column.name for column in columns]
        for rows in connection.execute(query).partitions():
            yield table.name, _packed(names, map(tuple, rows))


def keep_base(connection: sa.Connection, reading: int, parts: Iterable[tuple[str, bytes]], now: datetime) -> None:
    """Keep a copy that was taken when the log had come to a reading, and put its digest on record."""
    base = replay_bases.insert().values(reading=reading, at=now, digest="").returning(replay_bases.c.id)
    id_ = connection.execute(base).scalar_one()
    for number, (name, data) in enumerate(parts):
        connection.execute(sa.insert(replay_base_parts).values(base_id=id_, number=number, name=name, data=data))
    _seal(connection, id_, TAKEN, audit.PROGRAM, now)


def last_reading(connection: sa.Connection) -> int:
    """How far the log has come."""
    return connection.execute(sa.select(sa.func.max(readings.c.id))).scalar() or 0


def oldest(connection: sa.Connection) -> Any | None:
    """The oldest base; from it on the log is whole."""
    return connection.execute(sa.select(replay_bases).order_by(replay_bases.c.id).limit(1)).one_or_none()


def newest(connection: sa.Connection) -> Any | None:
    """The base that was taken last."""
    return connection.execute(sa.select(replay_bases).order_by(replay_bases.c.id.desc()).limit(1)).one_or_none()


def is_as_taken(connection: sa.Connection, base: Any) -> bool:
    """Whether a base is what the audit vouches for."""
    row = audit_records.c
    said = sa.select(row.data).where(row.kind.in_([TAKEN, REWRITTEN]), row.subject == str(base.id))
    told = connection.execute(said.order_by(row.number.desc()).limit(1)).scalar()
    return told is not None and json.loads(told)["digest"] == base.digest == _digest(connection, base.id)


def restore_base(source: sa.Connection, target: sa.Connection, base: Any) -> None:
    """Put the facts of a base into an empty store."""
    for _, name, data in _parts(source, base.id):
        names, rows = _unpacked(data)
        insert_new(target, metadata.tables[name], names, rows)


def log_begins(connection: sa.Connection, before: datetime) -> int:
    """The reading from which on the log is needed, once the bases of before a time are dropped; never the last one is.

    None is, where no reading is as old: then a day is recomputed from the beginning, or from what is there.
    """
    first = connection.execute(sa.select(sa.func.min(readings.c.at))).scalar()
    if newest(connection) is None or first is None or first >= before:
        return 0
    left = sa.select(sa.func.min(replay_bases.c.reading)).where(~_outdated(before))
    return int(connection.execute(left).scalar_one())


def drop_before(connection: sa.Connection, before: datetime) -> None:
    """Drop the bases of before a time, but never the last one."""
    ids = list(connection.execute(sa.select(replay_bases.c.id).where(_outdated(before))).scalars())
    connection.execute(sa.delete(replay_base_parts).where(replay_base_parts.c.base_id.in_(ids)))
    connection.execute(sa.delete(replay_bases).where(replay_bases.c.id.in_(ids)))


def _outdated(before: datetime) -> sa.ColumnElement[bool]:
    last = sa.select(sa.func.max(replay_bases.c.id)).scalar_subquery()
    return sa.and_(replay_bases.c.at < before, replay_bases.c.id != last)


def rewrite_bases(connection: sa.Connection, redactor: Redactor, needles: Sequence[str], by: str, now: datetime) -> int:
    """Put pseudonyms in place in every base; returns how many rows were rewritten. New digests go on record.

    A base that somebody has changed is emptied, and no digest made for it: nothing can be recomputed from it anyway.
    """
    done = 0
    for base in connection.execute(sa.select(replay_bases).order_by(replay_bases.c.id)).all():
        mine = replay_base_parts.c.base_id == base.id
        if not is_as_taken(connection, base):
            connection.execute(sa.update(replay_base_parts).where(mine).values(data=b""))
            continue
        numbers = connection.execute(sa.select(replay_base_parts.c.number).where(mine)).scalars().all()
        rewritten = sum(_rewrite(connection, base.id, number, redactor, needles) for number in numbers)
        if rewritten:
            _seal(connection, base.id, REWRITTEN, by, now)
        done += rewritten
    return done


def rows_with(connection: sa.Connection, value: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows in bases that hold a text in some column, with the name of their table; none of a base changed by hand."""
    wanted = json.dumps(value, ensure_ascii=False).encode()
    for base in connection.execute(sa.select(replay_bases).order_by(replay_bases.c.id)).all():
        parts = _parts(connection, base.id) if is_as_taken(connection, base) else ()
        for _, name, data in parts:
            if wanted not in zlib.decompress(data):
                continue
            names, rows = _unpacked(data)
            yield from ((name, dict(zip(names, row, strict=True))) for row in rows if value in row)


def _rewrite(connection: sa.Connection, id_: int, number: int, redactor: Redactor, needles: Sequence[str]) -> int:
    part = replay_base_parts.c
    mine = (part.base_id == id_, part.number == number)
    data = connection.execute(sa.select(part.data).where(*mine)).scalar_one()
    text = zlib.decompress(data).decode().lower()
    if not any(needle.lower() in text for needle in needles):
        return 0
    names, rows = _unpacked(data)
    old = list(rows)
    new = [redacted_row(redactor, names, row) for row in old]
    changed = sum(one != other for one, other in zip(old, new, strict=True))
    if changed:
        connection.execute(sa.update(replay_base_parts).where(*mine).values(data=_packed(names, new)))
    return changed


def _seal(connection: sa.Connection, id_: int, kind: str, by: str, now: datetime) -> None:
    digest = _digest(connection, id_)
    connection.execute(sa.update(replay_bases).where(replay_bases.c.id == id_).values(digest=digest))
    audit.record(connection, kind, str(id_), by, now, {"digest": digest})


def _digest(connection: sa.Connection, id_: int) -> str:
    """Of the place in the log, and of all parts in their order."""
    reading, at = connection.execute(
        sa.select(replay_bases.c.reading, sa.type_coerce(replay_bases.c.at, BigInteger)).where(replay_bases.c.id == id_)
    ).one()
    digest = hashlib.sha256(f"{reading} {at}\n".encode())
    for number, name, data in _parts(connection, id_):
        digest.update(f"{number} {name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _parts(connection: sa.Connection, id_: int) -> Iterator[Any]:
    part = replay_base_parts.c
    query = sa.select(part.number, part.name, part.data).where(part.base_id == id_).order_by(part.number)
    yield from connection.execute(query.execution_options(yield_per=10))


def _plain(column: Column[Any]) -> Any:
    """A column as JSON holds it, and without bodies."""
    table: Table = column.table
    if table in (schema.raw_records, schema.quarantine) and column.name in _LEFT_OUT:
        return sa.literal(_LEFT_OUT[column.name]).label(column.name)
    return sa.type_coerce(column, BigInteger) if isinstance(column.type, UtcTime) else column


def _packed(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in chain([names], rows))
    return zlib.compress("\n".join(lines).encode(), _LEVEL)


def _unpacked(data: bytes) -> tuple[list[str], Iterator[list[Any]]]:
    names, *rows = zlib.decompress(data).split(b"\n")
    return json.loads(names), map(json.loads, rows)
