"""Writes down what a run concluded besides findings: matches, and the open items of the statement."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Table

from reconciler import statement
from reconciler.matching import relations
from reconciler.matching.terms import Horizon, Terms
from reconciler.schema import matches, open_charges
from reconciler.store.steps import StoreEngine
from reconciler.timing import step


@step("write matches")
def save_matches(engine: StoreEngine) -> None:
    """Bring the stored matches to the plan's result, touching only the rows that differ."""
    _replace(engine, matches, relations.tie, ("provider", "ref", "order_id", "rule"))


@step("statement")
def take_books(engine: StoreEngine, terms: Terms, horizon: Horizon) -> list[statement.Account]:
    """Count everything for the statement, and move the open items from the last run's to this one's."""
    now = statement.open_now(terms, horizon).subquery("now")
    before = [dict(row) for row in engine.rows(statement.open_before())]
    changes = list(_moves(engine, now))
    engine.connection.execute(sa.delete(open_charges))
    names = ["provider", "ref", "currency", "amount_minor"]
    engine.connection.execute(sa.insert(open_charges).from_select(names, statement.open_now(terms, horizon)))
    after = [dict(row) | {"class": "end"} for row in engine.rows(statement.open_before())]
    reversals = [
        *engine.rows(statement.reversals_received(horizon.providers)),
        *engine.rows(statement.reversal_classes()),
    ]
    return statement.books(
        charges=engine.rows(statement.received(horizon)),
        classes=engine.rows(statement.paid_classes(terms, horizon)),
        items=[*before, *changes, *after],
        reversals=reversals,
    )


def _moves(engine: StoreEngine, now: Any) -> Iterator[Mapping[str, Any]]:
    """Open items that came and went since the last run."""
    for name, left, right in (("opened", now, open_charges), ("closed", open_charges, now)):
        there = sa.exists().where(
            right.c.provider == left.c.provider,
            right.c.ref == left.c.ref,
            right.c.amount_minor == left.c.amount_minor,
            right.c.currency == left.c.currency,
        )
        yield from engine.rows(
            sa.select(
                left.c.provider,
                left.c.currency,
                sa.literal(name).label("class"),
                sa.func.count().label("count"),
                sa.func.sum(left.c.amount_minor).label("minor"),
            )
            .select_from(left)
            .where(~there)
            .group_by(left.c.provider, left.c.currency)
        )


def _replace(engine: StoreEngine, table: Table, source: Table, names: tuple[str, ...]) -> None:
    same = sa.and_(*(source.c[name] == table.c[name] for name in names))
    engine.delete(table, ~sa.exists().where(same))
    new = sa.select(*(source.c[name] for name in names)).where(~sa.exists().where(same))
    engine.connection.execute(sa.insert(table).from_select(list(names), new))
