"""Finds the few charges that could pay a purchase again; `purchases` decides what they are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from reconciler.matching.plan import BUYERS, buyers_agree, same_charge
from reconciler.matching.purchases import Member
from reconciler.matching.relations import charge, contested, likely, order, tie


class Reader(Protocol):
    """Something that answers selects."""

    def rows(self, source: Select[Any]) -> Iterable[Mapping[str, Any]]:
        """The rows of a select."""
        ...


def held_together(engine: Reader) -> Iterator[list[Member]]:
    """The charges of each order that holds more than one of them, reversed ones included."""
    several = sa.select(tie.c.order_id).group_by(tie.c.order_id).having(sa.func.count() > 1)
    source = _members().where(tie.c.order_id.in_(several)).order_by(tie.c.order_id, charge.c.provider, charge.c.ref)
    groups: defaultdict[str, list[Member]] = defaultdict(list)
    for row in engine.rows(source):
        groups[row["order_id"]].append(_member(row))
    yield from groups.values()


def repeat_pairs(engine: Reader, window_us: int) -> Iterator[list[Member]]:
    """Clusters of charges of one buyer, product, amount and currency, consecutive ones at most `window_us` apart."""
    members: dict[tuple[str, str], Member] = {}
    parent: dict[tuple[str, str], tuple[str, str]] = {}
    links = [(row["p1"], row["r1"], row["r2"]) for how in BUYERS for row in engine.rows(_pairs(how, window_us))]
    for provider, left, right in links:
        _join(parent, (provider, left), (provider, right))
    for row in _fetch(engine, sorted(parent)):
        member = _member(row)
        members[member.key] = member
    clusters: defaultdict[tuple[str, str], list[Member]] = defaultdict(list)
    for key in sorted(parent):
        clusters[_root(parent, key)].append(members[key])
    for cluster in clusters.values():
        yield sorted(cluster, key=lambda one: one.place)


def _pairs(how: str, window_us: int) -> Select[Any]:
    """Pairs of like charges; the prefilter keeps the self-join away from buyers with a single charge."""
    key = (charge.c.provider, charge.c[how], charge.c.amount_minor, charge.c.currency)
    often = (
        sa.select(*key)
        .where(charge.c[how].is_not(None), charge.c.history == 0)
        .group_by(*key)
        .having(sa.func.count() > 1)
        .subquery()
    )
    left, right = charge.alias("a"), charge.alias("b")
    return (
        sa.select(left.c.provider.label("p1"), left.c.ref.label("r1"), right.c.ref.label("r2"))
        .join(often, _same(often, left, how))
        .join(right, sa.and_(_same(often, right, how), right.c.history == 0))
        .where(
            left.c.history == 0,
            left.c.ref != right.c.ref,
            right.c.occurred_us.between(left.c.occurred_us, left.c.occurred_us + window_us),
            buyers_agree(left, right, how),
            _same_product(left, right),
        )
    )


def _same(often: Any, row: Any, how: str) -> ColumnElement[bool]:
    names = ("provider", how, "amount_minor", "currency")
    return sa.and_(*(often.c[name] == row.c[name] for name in names))


def _same_product(left: Any, right: Any) -> ColumnElement[bool]:
    """Products agree; where neither charge names one, their titles do."""
    return sa.or_(
        left.c.product_id == right.c.product_id,
        sa.and_(left.c.product_id.is_(None), right.c.product_id.is_not(None)),
        sa.and_(left.c.product_id.is_not(None), right.c.product_id.is_(None)),
        sa.and_(
            left.c.product_id.is_(None),
            right.c.product_id.is_(None),
            sa.or_(left.c.title.is_(None), right.c.title.is_(None), left.c.title == right.c.title),
        ),
    )


def _members() -> Select[Any]:
    disputed = sa.or_(sa.exists().where(same_charge(contested, charge)), sa.exists().where(same_charge(likely, charge)))
    return (
        sa.select(
            charge,
            order.c.order_id,
            order.c.amount_minor.label("order_amount_minor"),
            order.c.money.label("order_money"),
            order.c.delivered,
            order.c.status.label("order_status"),
            order.c.provider.label("order_provider"),
            order.c.provider_ref,
            sa.case((disputed, 1), else_=0).label("disputed"),
        )
        .select_from(charge)
        .outerjoin(tie, same_charge(tie, charge))
        .outerjoin(order, order.c.order_id == tie.c.order_id)
    )


def _fetch(engine: Reader, keys: list[tuple[str, str]], size: int = 500) -> Iterator[Mapping[str, Any]]:
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        source = _members().where(charge.c.ref.in_([ref for _, ref in part]))
        wanted = set(part)
        yield from (row for row in engine.rows(source) if (row["provider"], row["ref"]) in wanted)


def _member(row: Mapping[str, Any]) -> Member:
    return Member(
        provider=row["provider"],
        ref=row["ref"],
        occurred_us=row["occurred_us"],
        amount_minor=row["amount_minor"],
        money=row["money"],
        reversed=bool(row["reversed"]),
        approved=bool(row["approved"]) or row["order_status"] == "refunded",
        looked_up=bool(row["looked_up"]),
        disputed=bool(row["disputed"]),
        order_id=row["order_id"],
        order_amount_minor=row["order_amount_minor"],
        order_money=row["order_money"],
        delivered=bool(row["delivered"]),
        named=row["order_provider"] in {None, row["provider"]}
        and row["provider_ref"] in {row["ref"], row["group_ref"]},
    )


def _join(parent: dict[tuple[str, str], tuple[str, str]], left: tuple[str, str], right: tuple[str, str]) -> None:
    parent.setdefault(left, left)
    parent.setdefault(right, right)
    parent[_root(parent, right)] = _root(parent, left)


def _root(parent: dict[tuple[str, str], tuple[str, str]], key: tuple[str, str]) -> tuple[str, str]:
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key
