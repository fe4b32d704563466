"""Writes down what a run concluded besides findings: matches, and how the statement counts each transaction."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ColumnElement, Index, MetaData, Select, String, Table

from reconciler import statement
from reconciler.matching import relations, scope_tables
from reconciler.matching.terms import Horizon, Terms
from reconciler.schema import bookings, matches, paid_counts, totals
from reconciler.store.findings import parts
from reconciler.store.steps import StoreEngine, analyze
from reconciler.store.upsert import upsert
from reconciler.timing import step

_new = MetaData()


def _copy(name: str, source: Table) -> Table:
    """A temporary table with the columns of a stored one, and its collation, so that its indexes can be used."""
    whole = {"amount_minor", "quarter"}
    columns = [Column(one.name, BigInteger if one.name in whole else String) for one in source.columns]
    key = Index(f"i_{name}", *(one.name for one in source.primary_key))
    return Table(name, _new, *columns, key, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


_matched, _booked = _copy("n_matches", matches), _copy("n_bookings", bookings)
Key = tuple[str, str, str, str]
Sums = Mapping[Key, tuple[int, int]]


@step("write results")
def save_results(engine: StoreEngine, terms: Terms, horizon: Horizon, *, scoped: bool) -> list[statement.Account]:
    """Bring the stored matches and bookings to the plan's result, touching only rows that differ; returns the books.

    With `scoped` the rows outside the scope stay as they are, and the totals move by the difference.
    """
    for table in _new.sorted_tables:
        engine.connection.execute(sa.schema.DropTable(table, if_exists=True))
    _new.create_all(engine.connection, checkfirst=False)
    engine.fill(_matched, sa.select(*(relations.tie.c[column.name] for column in matches.columns)))
    engine.fill(_booked, statement.bookings_of(terms, horizon, scoped=scoped))
    analyze(engine.connection, (_matched, _booked))
    stale, fresh = _difference(matches, _matched, scoped)
    _replace(engine, matches, _matched, stale, fresh)
    stale, fresh = _difference(bookings, _booked, scoped)
    gone, come = _summed(engine, bookings, stale), _summed(engine, _booked, fresh)
    paid = _paid(engine, fresh, stale) if scoped else None
    _replace(engine, bookings, _booked, stale, fresh)
    before = _totals(engine)
    after = _moved(before, gone, come) if scoped else _summed(engine, bookings)
    _save_totals(engine, before, after)
    _count_paid(engine, paid)
    return _books(before, gone, come, after)


def unmoved_books(connection: sa.Connection) -> list[statement.Account]:
    """The books of a run that had nothing to judge."""
    standing = _totals(StoreEngine(connection))
    return _books(standing, {}, {}, standing)


def _difference(table: Table, new: Table, scoped: bool) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Which rows of a stored table are not in a new one, within the scope or at all, and the other way round."""
    same = sa.and_(
        *(
            table.c[column.name].is_not_distinct_from(column) if stored.nullable else table.c[column.name] == column
            for column, stored in zip(new.columns, table.columns, strict=True)
        )
    )
    stale = ~sa.exists().where(same).correlate(table)
    if scoped:
        keys = sa.select(scope_tables.in_scope.c.provider, scope_tables.in_scope.c.ref)
        stale = sa.and_(stale, sa.tuple_(table.c.provider, table.c.ref).in_(keys))
    return stale, ~sa.exists().where(same).correlate(new)


def _replace(
    engine: StoreEngine, table: Table, new: Table, stale: ColumnElement[bool], fresh: ColumnElement[bool]
) -> None:
    engine.delete(table, stale)
    names = [column.name for column in table.columns]
    engine.connection.execute(sa.insert(table).from_select(names, sa.select(new).where(fresh)))


def _paid(engine: StoreEngine, fresh: ColumnElement[bool], stale: ColumnElement[bool]) -> Counter[tuple[int, str, str]]:
    """How many more paid charges there are now, by quarter of an hour, provider and currency."""
    moved = Counter[tuple[int, str, str]]()
    for table, where, sign in ((_booked, fresh, 1), (bookings, stale, -1)):
        key = (table.c.quarter, table.c.provider, table.c.currency)
        query = sa.select(*key, sa.func.count()).where(where, table.c.quarter.is_not(None)).group_by(*key)
        for quarter, provider, currency, count in engine.connection.execute(query):
            moved[quarter, provider, currency] += sign * count
    return moved


def _count_paid(engine: StoreEngine, moved: Mapping[tuple[int, str, str], int] | None) -> None:
    """Move the counts of paid charges, or count all bookings anew."""
    counts, row = paid_counts.c, bookings.c
    if moved is None:
        engine.delete(paid_counts)
        key = (row.quarter, row.provider, row.currency)
        engine.fill(paid_counts, sa.select(*key, sa.func.count()).where(row.quarter.is_not(None)).group_by(*key))
        return
    rows = [(*key, count) for key, count in sorted(moved.items()) if count]
    upsert(engine.connection, paid_counts, rows, changes=lambda old, new: {"count": old.c.count + new.count})
    for part in parts(sorted({quarter for quarter, _, _ in moved})):
        engine.delete(paid_counts, sa.and_(counts.quarter.in_(part), counts.count == 0))


def _summed(engine: StoreEngine, table: Table, where: ColumnElement[bool] | None = None) -> Sums:
    group = sa.func.coalesce(table.c["class"], "")
    key = (table.c.kind, table.c.provider, table.c.currency, group.label("class"))
    query: Select[Any] = sa.select(
        *key, sa.func.count().label("count"), sa.func.sum(table.c.amount_minor).label("minor")
    )
    query = query if where is None else query.where(where)
    return _sums(engine, query.group_by(table.c.kind, table.c.provider, table.c.currency, group))


def _totals(engine: StoreEngine) -> Sums:
    return _sums(engine, sa.select(totals))


def _sums(engine: StoreEngine, query: Select[Any]) -> Sums:
    return {
        (row["kind"], row["provider"], row["currency"], row["class"]): (int(row["count"]), int(row["minor"]))
        for row in engine.rows(query)
    }


def _moved(before: Sums, gone: Sums, come: Sums) -> Sums:
    counts, minors = Counter[Key](), Counter[Key]()
    for sums, sign in ((before, 1), (come, 1), (gone, -1)):
        for key, (count, minor) in sums.items():
            counts[key] += sign * count
            minors[key] += sign * minor
    return {key: (counts[key], minors[key]) for key in counts if counts[key] or minors[key]}


def _save_totals(engine: StoreEngine, before: Sums, after: Sums) -> None:
    names = [column.name for column in totals.primary_key]
    for key in before.keys() - {key for key, sums in after.items() if before.get(key) == sums}:
        engine.delete(totals, sa.and_(*(totals.c[name] == value for name, value in zip(names, key, strict=True))))
    new = {key: sums for key, sums in after.items() if before.get(key) != sums}
    rows = [dict(zip(names, key, strict=True)) | {"count": sums[0], "minor": sums[1]} for key, sums in new.items()]
    engine.add(totals, rows)


def _books(before: Sums, gone: Sums, come: Sums, after: Sums) -> list[statement.Account]:
    items = [
        *_rows(before, "start", only="open"),
        *_rows(come, "opened", only="open"),
        *_rows(gone, "closed", only="open"),
        *_rows(after, "end", only="open"),
    ]
    return statement.books(
        charges=_rows(after, "paid"),
        classes=(row for row in _rows(after) if row["class"]),
        items=items,
        reversals=[*_rows(after, "received", kind="reversal"), *_rows(after, kind="reversal")],
    )


def _rows(
    sums: Sums, name: str | None = None, *, kind: str = "charge", only: str | None = None
) -> Iterator[Mapping[str, Any]]:
    """Sums as rows of the books, under another name where one is given."""
    for (of, provider, currency, group), (count, minor) in sums.items():
        if of == kind and only in {None, group}:
            yield {"provider": provider, "currency": currency, "class": name or group, "count": count, "minor": minor}
