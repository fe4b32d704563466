"""Erases a buyer's personal data wherever it is stored, and keeps it away from what is read later."""

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler import schema
from reconciler.columns import metadata
from reconciler.erasure import ANY_EMAIL, EMAIL, TELEGRAM, Redactor, exactly, keyed, pseudonym
from reconciler.errors import BadRecord
from reconciler.findings import OPEN
from reconciler.model import Page
from reconciler.schema_cases import disputes, reviews
from reconciler.schema_erasure import erasures
from reconciler.schema_replay import replay_base_parts
from reconciler.store import audit
from reconciler.store.bases import rewrite_bases, rows_with
from reconciler.store.rewriting import mentioning, rewrite
from reconciler.text import fold_email

_BY_EMAIL = ((schema.transactions, "buyer_email"), (schema.orders, "buyer_email"), (schema.accounts, "email"))
_SPARED = frozenset({"audit_records", erasures.name, schema.changes.name, replay_base_parts.name})
"""The audit holds no personal data, and can never be changed. The log of changes is a note of the other tables, which
the next run drops: it is not counted, and comes last, since each change of theirs is noted in it. The rows in bases are
compressed."""


@dataclass(slots=True)
class Erased:
    """What an erasure came to: rows by table, files of the buyer's to be removed, and what had to stay.

    `left` counts rows in which the address itself is an id, or stands in a command that is still to be delivered.
    """

    pseudonym: str
    rows: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def erase(connection: sa.Connection, email: str, by: str, now: datetime) -> Erased:
    """Replace a buyer's e-mail address, and the Telegram ids beside it, in every table; ids and sums stay.

    Raises BadRecord for what is no address. Where nothing is on record nothing is noted either.
    """
    folded = fold_email(email) or ""
    if not ANY_EMAIL.fullmatch(folded):
        raise BadRecord(f"{email!r} is no e-mail address")
    wanted = [(EMAIL, folded), *((TELEGRAM, one) for one in _telegram_ids(connection, folded))]
    key = _key(connection) or secrets.token_hex(32)
    names = {(kind, value): pseudonym(keyed(key, kind, value)) for kind, value in wanted}
    redactor = Redactor(exactly(folded), lambda kind, value: names.get((kind, value)))
    done = Erased(names[EMAIL, folded])
    done.files = _forget_reviews(connection, folded)
    needles = [_needle(folded), *(value for kind, value in wanted if kind == TELEGRAM)]
    for table in (table for table in metadata.sorted_tables if table.name not in _SPARED):
        changed, left = rewrite(connection, table, redactor, mentioning(table, needles))
        done.rows |= {table.name: changed} if changed else {}
        done.left |= {table.name: left} if left else {}
    if in_bases := rewrite_bases(connection, redactor, needles, by, now):
        done.rows[replay_base_parts.name] = in_bases
    rewrite(connection, schema.changes, redactor, mentioning(schema.changes, needles))
    if done.rows:
        _remember(connection, key, wanted, now)
        said = {"rows": done.rows, "left": done.left, "files": len(done.files)}
        audit.record(connection, "buyer.erased", done.pseudonym, by, now, said)
    return done


def open_disputes(connection: sa.Connection, email: str) -> list[str]:
    """The charges of a buyer with a chargeback, known or suspected, that is not over: `provider/ref` of each."""
    row = schema.transactions.c
    mine = sa.select(row.provider, row.ref).where(row.buyer_email == fold_email(email), row.kind == "charge")
    charges = {(provider, ref) for provider, ref in connection.execute(mine)}
    told = sa.select(disputes.c.provider, disputes.c.ref).where(disputes.c.state.in_(["open", "signal"]))
    standing = {(provider, ref) for provider, ref in connection.execute(told)}
    table = schema.findings.c
    kinds = ("chargeback", "suspected_chargeback")
    query = sa.select(table.provider, table.document).where(table.status == OPEN, table.kind.in_(kinds))
    standing |= {(provider, ref) for provider, said in connection.execute(query) for ref in said["transaction_ids"]}
    return sorted(f"{provider}/{ref}" for provider, ref in charges & standing)


def without_erased(connection: sa.Connection, page: Page) -> Page:
    """A page that was read, with pseudonyms in place of what was erased before it came by again."""
    rows = connection.execute(sa.select(erasures)).all()
    if not rows:
        return page
    key, hashes = rows[0].key, {row.hash for row in rows}

    def known(kind: str, value: str) -> str | None:
        digest = keyed(key, kind, value)
        return pseudonym(digest) if digest in hashes else None

    redactor = Redactor(ANY_EMAIL, known)
    return replace(
        page,
        transactions=tuple(_facts(redactor, page.transactions)),
        orders=tuple(_facts(redactor, page.orders)),
        accounts=tuple(_facts(redactor, page.accounts)),
        signals=tuple(replace(one, text=redactor.text(one.text)) for one in page.signals),
        raws=tuple(replace(one, body=redactor.document(one.body)) for one in page.raws),
        quarantined=tuple(
            replace(one, body=redactor.document(one.body), reason=redactor.text(one.reason)) for one in page.quarantined
        ),
    )


def _facts(redactor: Redactor, rows: Iterable[Any]) -> Iterator[Any]:
    for row in rows:
        names = [one.name for one in fields(row) if one.name in {"buyer_email", "email", "telegram_user_id"}]
        new = {name: redactor.field(name, getattr(row, name)) for name in names}
        yield replace(row, **new) if any(getattr(row, name) != new[name] for name in names) else row


def _telegram_ids(connection: sa.Connection, email: str) -> list[str]:
    """The ids beside an address: those of today, and what bases tell of an account before it changed its own."""
    found: set[str] = set()
    for table, name in _BY_EMAIL:
        query = sa.select(table.c.telegram_user_id).where(table.c[name] == email)
        found.update(value for value in connection.execute(query).scalars() if value)
    columns = {table.name: name for table, name in _BY_EMAIL}
    for table_name, row in rows_with(connection, email):
        if table_name in columns and row[columns[table_name]] == email and row["telegram_user_id"]:
            found.add(row["telegram_user_id"])
    return sorted(found)


def _forget_reviews(connection: sa.Connection, email: str) -> list[str]:
    """Drop what the buyer wrote and sent; returns the files that no other request has."""
    mine, others = [], set()
    for row in connection.execute(sa.select(reviews.c.id, reviews.c.email, reviews.c.evidence)).all():
        files = [one["file"] for one in row.evidence]
        if fold_email(row.email) == email:
            mine += files
            new = {"text": "(erased)", "evidence": []}
            connection.execute(sa.update(reviews).where(reviews.c.id == row.id).values(new))
        else:
            others.update(files)
    return sorted(set(mine) - others)


def _remember(connection: sa.Connection, key: str, wanted: Iterable[tuple[str, str]], now: datetime) -> None:
    known = set(connection.execute(sa.select(erasures.c.hash)).scalars())
    for digest in sorted({keyed(key, kind, value) for kind, value in wanted} - known):
        connection.execute(sa.insert(erasures).values(hash=digest, key=key, erased_at=now))


def _key(connection: sa.Connection) -> str | None:
    key: str | None = connection.execute(sa.select(erasures.c.key).limit(1)).scalar()
    return key


def _needle(email: str) -> str:
    """The longest part of an address that every database compares alike in either case."""
    parts: list[str] = re.findall(r"[\x21-\x7e]+", email)
    return max(parts, key=len)
