"""Keeps the loose ends: charges that may need single looks, so that no pull has to search the past for them.

A run brings them up to date for what it judged. Until the next run, whatever has changed since may be one as well.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Index, MetaData, Select, String, Table

from reconciler.matching import scope, scope_tables
from reconciler.matching.lookups import checked
from reconciler.schema import changes, judged, loose_ends, orders, payments, transactions
from reconciler.store.steps import analyze, insert_from

_new = MetaData()
_suspect = Table(
    "s_suspect",
    _new,
    Column("ref", String),
    Index("si_suspect", "ref", unique=True),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
Refs = Select[tuple[str]]
Finder = Callable[[str, Refs | None], list[Select[Any]]]


def keep(connection: sa.Connection, find: Finder, providers: Iterable[str], *, scoped: bool) -> None:
    """Bring the loose ends up to date: all of them, or those in scope. `find` selects a provider's among given refs."""
    key = scope_tables.in_scope.c
    stale = sa.delete(loose_ends)
    if scoped:
        in_scope = sa.tuple_(loose_ends.c.provider, loose_ends.c.ref).in_(sa.select(key.provider, key.ref))
        stale = stale.where(in_scope)
    connection.execute(stale)
    for name in providers:
        among = sa.select(key.ref).where(key.provider == name) if scoped else None
        found = sa.union(*find(name, among)).subquery("found")
        insert_from(connection, loose_ends, ["provider", "ref"], sa.select(sa.literal(name), *found.c))


def suspects(connection: sa.Connection, provider: str) -> Refs | None:
    """The refs among which the looks that are needed now are: loose ends, and what has changed since the last run.

    None where all have to be searched, since no run has judged this provider yet, or the last one did not.
    """
    last = connection.execute(sa.select(judged.c.marks)).scalar()
    if last is None or f"covered:{provider}" not in last:
        return None
    _suspect.drop(connection, checkfirst=True)
    _suspect.create(connection, checkfirst=False)
    selects = [sa.select(loose_ends.c.ref).where(loose_ends.c.provider == provider), *_changed(provider)]
    refs = scope.together(selects)
    insert_from(connection, _suspect, ["ref"], sa.select(refs.c.ref).where(refs.c.ref.is_not(None)))
    analyze(connection, [_suspect])
    return sa.select(_suspect.c.ref)


def _changed(provider: str) -> Iterator[Select[Any]]:
    """Refs that the log names, and those that changed rows are linked with now."""
    row, other = changes.c, transactions.alias("changed")
    for moved in scope.moved_transactions([provider]):
        key = moved.subquery()
        yield sa.select(key.c[1].label("ref")).where(checked(key.c[0]) == provider)
    by_order = sa.join(changes, orders, sa.and_(row.target == "order", orders.c.order_id == row.ref))
    yield sa.select(orders.c.provider_ref).select_from(by_order)
    paid = sa.join(changes, payments, sa.and_(row.target == "order", payments.c.order_id == row.ref))
    yield sa.select(payments.c.provider_ref).select_from(paid).where(payments.c.provider == provider)
    coded = sa.join(by_order, other, other.c.code_hash == orders.c.code_hash)
    yield sa.select(other.c.ref).select_from(coded).where(checked(other.c.provider) == provider)
    same = sa.and_(row.target == "transaction", other.c.provider == row.provider, other.c.ref == row.ref)
    yield (
        sa.select(other.c.parent_ref)
        .select_from(sa.join(changes, other, same))
        .where(checked(row.provider) == provider)
    )
