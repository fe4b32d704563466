"""Finds what a run has to judge: what changed or came of age since the last one, and all that is linked with it."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select, Table
from sqlalchemy.schema import DropTable

from reconciler import __version__
from reconciler.detectors import Context
from reconciler.detectors.marks import Marks, aged_orders, aged_transactions, marks
from reconciler.matching import scope, scope_tables
from reconciler.schema import changes, judged
from reconciler.store.steps import analyze, insert_from

_KEY, _ORDER, _RECORD = ("provider", "ref"), ("order_id",), ("provider", "source", "key")


def last_marks(connection: sa.Connection, context: Context) -> Marks | None:
    """The marks of the last run; None when everything has to be judged anew, since none was judged by these rules."""
    row = connection.execute(sa.select(judged.c.marks).where(judged.c.rules == _rules(context))).one_or_none()
    return None if row is None else dict(row.marks)


def find_scope(connection: sa.Connection, context: Context, before: Marks) -> bool:
    """Fill the tables of the scope; returns whether there is anything in it."""
    _prepare(connection)
    providers, now = list(context.horizon.providers), marks(context)
    found = _add_doubted(connection, providers)
    moved = [*scope.moved_transactions(providers), *aged_transactions(before, now)]
    found += _add(connection, _linking(scope_tables.in_scope, _KEY, moved), -1)
    orders = [*scope.moved_orders(), *aged_orders(before, now)]
    found += _add(connection, _linking(scope_tables.orders_in_scope, _ORDER, orders), -1)
    records = insert_from(connection, scope_tables.records_in_scope, _RECORD, scope.moved_records().distinct())
    _add(connection, _saying(scope.bought_before()), 0)
    if found or _any(connection, scope_tables.buying):
        _close(connection, context, providers)
    return bool(found or records)


def settle(connection: sa.Connection, context: Context) -> None:
    """Note that everything was judged: the log is empty, the marks are where they are now."""
    connection.execute(sa.delete(changes))
    connection.execute(sa.delete(judged))
    connection.execute(sa.insert(judged).values(id=1, rules=_rules(context), marks=marks(context)))


def _close(connection: sa.Connection, context: Context, providers: list[str]) -> None:
    """Follow the links until nothing new is found: each round begins with what the last one found."""
    buying = _saying(scope.bought())
    transactions = _linking(scope_tables.in_scope, _KEY, scope.linked_transactions(providers, context.terms))
    orders = _linking(scope_tables.orders_in_scope, _ORDER, scope.linked_orders(context.terms))
    number, found = 0, 1
    while found:
        _read_round(connection, number)
        _add(connection, buying, number)
        analyze(connection, (scope_tables.in_scope, scope_tables.orders_in_scope, scope_tables.buying))
        found = _add(connection, transactions, number) + _add(connection, orders, number)
        number += 1


def _read_round(connection: sa.Connection, number: int) -> None:
    for table, rows in scope.of_round():
        connection.execute(sa.delete(table))
        names = [column.name for column in table.columns]
        connection.execute(sa.insert(table).from_select(names, rows), {"after": number})
    analyze(connection, (scope_tables.own, scope_tables.held))


def _add_doubted(connection: sa.Connection, providers: Iterable[str]) -> int:
    """Add what records in quarantine are about: their keys begin with the reference, more may follow after a colon."""
    row = changes.c
    records = sa.select(row.provider, row.ref).where(row.target == "record", row.provider.in_(list(providers)))
    keys = {
        (provider, ":".join(key.split(":")[:count]))
        for provider, key in connection.execute(records.distinct())
        for count in range(1, key.count(":") + 2)
    }
    if keys:
        rows = [{"provider": provider, "ref": ref, "round": 0} for provider, ref in sorted(keys)]
        connection.execute(sa.insert(scope_tables.in_scope), rows)
    return len(keys)


def _linking(table: Table, names: tuple[str, ...], selects: Iterable[Select[Any]]) -> sa.Insert:
    """Adds to the next round what the selects yield and is not there yet."""
    linked = scope.together(selects)
    known = sa.exists().where(*(table.c[name] == column for name, column in zip(names, linked.c, strict=True)))
    new = sa.select(*linked.c, scope.ROUND + 1).where(~known)
    return sa.insert(table).from_select([*names, "round"], new)


def _saying(selects: Iterable[Select[Any]]) -> sa.Insert:
    """Adds to a round what its rows say of their buyer and none has said yet."""
    linked = scope.together(selects)
    names = [column.name for column in scope_tables.buying.columns]
    known = sa.exists().where(
        *(scope_tables.buying.c[name] == column for name, column in zip(names, linked.c, strict=False))
    )
    return sa.insert(scope_tables.buying).from_select(names, sa.select(*linked.c, scope.ROUND).where(~known))


def _add(connection: sa.Connection, adding: sa.Insert, after: int) -> int:
    """Add to a round, or to the next one; returns how many rows that were."""
    return connection.execute(adding.execution_options(preserve_rowcount=True), {"after": after}).rowcount


def _prepare(connection: sa.Connection) -> None:
    for table in scope_tables.tables.sorted_tables:
        connection.execute(DropTable(table, if_exists=True))
    scope_tables.tables.create_all(connection, checkfirst=False)


def _any(connection: sa.Connection, table: Table) -> bool:
    return connection.execute(sa.select(table).limit(1)).first() is not None


def _rules(context: Context) -> str:
    """A fingerprint of all that judging goes by, besides facts and time."""
    terms, horizon = context.terms, context.horizon
    rules = {
        "version": __version__,
        "terms": {name: getattr(terms, name) for name in terms.__dataclass_fields__ if name != "equivalents"},
        "equivalents": dict(terms.equivalents),
        "since": {name: coverage.since_us for name, coverage in horizon.providers.items()},
    }
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
