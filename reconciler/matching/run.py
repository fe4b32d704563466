"""Runs the plan's steps in their order on whatever engine holds the tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Table

from reconciler.matching import plan
from reconciler.matching.purchases import Member, Purchase, purchases
from reconciler.matching.relations import (
    claim,
    contested,
    edge,
    free_charge,
    free_order,
    likely,
    member,
    pair,
    surplus,
    tie,
)
from reconciler.matching.repeats import held_together, repeat_pairs
from reconciler.matching.terms import Horizon, Terms

MAX_ROUNDS = 8
"""After so many rounds the few edges that are left are finished by a sorted greedy pass, which gives the same pairs."""


class Engine(Protocol):
    """What the plan needs of a database: nothing but sets."""

    def fill(self, table: Table, source: Select[Any]) -> int:
        """Insert what `source` yields; returns the number of rows."""
        ...

    def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert plain rows."""
        ...

    def delete(self, table: Table, where: ColumnElement[bool] | None = None) -> None:
        """Delete rows."""
        ...

    def rows(self, source: Select[Any]) -> Iterable[Mapping[str, Any]]:
        """The rows of a select."""
        ...


def match(engine: Engine, terms: Terms, horizon: Horizon) -> None:
    """Fill `tie`, `contested`, `likely` and `surplus` from the input tables."""
    _tie_by_claims(engine, plan.claims())
    engine.fill(member, plan.members())
    engine.fill(tie, plan.group_ties())
    _tie_by_claims(engine, plan.echo_claims())
    engine.fill(free_charge, plan.free_charges())
    engine.fill(free_order, plan.free_orders())
    engine.fill(edge, plan.edges(terms.fallback_window_us, terms.tolerance_minor))
    _take_best(engine, contradicting=0)
    _take_best(engine, contradicting=1)
    _mark_surplus(engine, terms, horizon)


def _tie_by_claims(engine: Engine, claims: Select[Any]) -> None:
    engine.delete(claim)
    engine.fill(claim, claims)
    engine.fill(contested, plan.contests())
    engine.fill(tie, plan.claim_ties())


def _take_best(engine: Engine, contradicting: int) -> None:
    for _ in range(MAX_ROUNDS):
        engine.delete(pair)
        if not engine.fill(pair, plan.best_pairs(contradicting)):
            return
        _consume(engine, contradicting)
    columns = [edge.c[name] for name in ("late", "distance_us", "provider", "ref", "order_id")]
    rest = engine.rows(sa.select(*columns).where(edge.c.contradicts == contradicting).order_by(*columns))
    engine.delete(pair)
    engine.add(pair, greedy(rest))
    _consume(engine, contradicting)


def _consume(engine: Engine, contradicting: int) -> None:
    """Write the pairs down and drop every edge that touches them."""
    chosen = (pair.c.provider, pair.c.ref, pair.c.order_id)
    if contradicting:
        engine.fill(likely, sa.select(*chosen))
    else:
        engine.fill(tie, sa.select(*chosen, sa.literal(plan.FALLBACK)))
    engine.delete(edge, sa.exists().where(plan.same_charge(pair, edge)))
    engine.delete(edge, edge.c.order_id.in_(sa.select(pair.c.order_id)))


def greedy(edges: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Take edges in the order given, each charge and each order once."""
    charges: set[tuple[str, str]] = set()
    orders: set[str] = set()
    taken = []
    for row in edges:
        key = (row["provider"], row["ref"])
        if key not in charges and row["order_id"] not in orders:
            charges.add(key)
            orders.add(row["order_id"])
            taken.append({"provider": row["provider"], "ref": row["ref"], "order_id": row["order_id"]})
    return taken


def _mark_surplus(engine: Engine, terms: Terms, horizon: Horizon) -> None:
    held, clusters = held_together(engine), repeat_pairs(engine, terms.duplicate_window_us)
    found = purchases(held, clusters, terms.tolerance_minor, horizon.settled_us - terms.grace_us)
    engine.add(surplus, [row for purchase in found for row in _surplus_rows(purchase)])
    _pass_on(engine, [passed for purchase in found for passed in purchase.passed])


def _surplus_rows(purchase: Purchase) -> list[dict[str, Any]]:
    if purchase.kept is None:
        return []
    kept = {"kept_provider": purchase.kept.provider, "kept_ref": purchase.kept.ref}
    return [{"provider": one.provider, "ref": one.ref, "subject": purchase.subject, **kept} for one in purchase.surplus]


def _pass_on(engine: Engine, passed: list[tuple[Member, str]]) -> None:
    """Tie charges to the orders that they take over."""
    for heir, _ in passed:
        engine.delete(tie, sa.and_(tie.c.provider == heir.provider, tie.c.ref == heir.ref))
    engine.add(
        tie,
        [
            {"provider": heir.provider, "ref": heir.ref, "order_id": order_id, "rule": plan.PASSED}
            for heir, order_id in passed
        ],
    )
