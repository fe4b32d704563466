"""Tells a purchase that was paid more than once from purchases made more than once (policy 3, duplicate charge).

The selects only find the few charges that could be repeats; what they are is decided here on plain values.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from reconciler.matching.plan import BUYERS, buyers_agree, same_charge
from reconciler.matching.relations import charge, contested, likely, order, tie


class Reader(Protocol):
    """Something that answers selects."""

    def rows(self, source: Select[Any]) -> Iterable[Mapping[str, Any]]:
        """The rows of a select."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A charge as far as repeats are concerned, with the order that it is tied to."""

    provider: str
    ref: str
    occurred_us: int
    amount_minor: int
    money: str | None
    reversed: bool
    approved: bool
    looked_up: bool
    disputed_tie: bool
    order_id: str | None
    order_amount_minor: int | None
    order_money: str | None
    delivered: bool
    named: bool

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the charge."""
        return self.provider, self.ref


@dataclass(frozen=True, slots=True)
class Repeat:
    """One purchase with more charges than it should have, or with its order passed on after a refund.

    `passed` names charges that take over the order of a charge refunded with approval.
    """

    subject: str
    kept_ref: str
    surplus: tuple[Member, ...]
    passed: tuple[tuple[Member, str], ...] = ()


def held_together(engine: Reader) -> Iterator[list[Member]]:
    """The charges of each order that holds more than one of them, reversed ones included."""
    several = sa.select(tie.c.order_id).group_by(tie.c.order_id).having(sa.func.count() > 1)
    source = _members().where(tie.c.order_id.in_(several)).order_by(tie.c.order_id, charge.c.provider, charge.c.ref)
    groups: defaultdict[str, list[Member]] = defaultdict(list)
    for row in engine.rows(source):
        groups[row["order_id"]].append(_member(row))
    yield from groups.values()


def held_surplus(members: list[Member], tolerance_minor: int) -> Repeat:
    """Which charges of one order are surplus: those beyond the first ones that make up the order's amount.

    The charge that the order itself names comes first, then the earliest. Part payments are no repeats, and a
    reversed charge is not surplus any more.
    """
    standing = sorted(
        (one for one in members if not one.reversed), key=lambda one: (not one.named, one.occurred_us, one.key)
    )
    subject = f"order:{members[0].order_id}"
    kept = _paying(standing, tolerance_minor)
    return Repeat(subject, standing[0].ref if standing else "", tuple(standing[kept:]))


def _paying(standing: list[Member], tolerance_minor: int) -> int:
    """How many of the charges, in this order, pay for the order: all when they do not exceed it, else at least one."""
    if any(one.money is None or one.money != one.order_money for one in standing):
        return 1
    total, wanted = 0, standing[0].order_amount_minor if standing else 0
    sums = []
    for one in standing:
        total += one.amount_minor
        sums.append(total)
    exact = [place for place, paid in enumerate(sums, 1) if abs(paid - (wanted or 0)) <= tolerance_minor]
    if exact:
        return exact[0]
    return len(standing) if total < (wanted or 0) else 1


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
        yield sorted(cluster, key=lambda one: (one.occurred_us, one.key))


def paid_twice(cluster: list[Member], settled_us: int) -> Repeat | None:
    """The surplus of a cluster of like charges, or None where each of them got its own delivered order.

    `settled_us` is the time before which a missing delivery counts. A charge whose code was not looked up, or whose
    order is in conflict, is never called surplus.
    """
    standing = [one for one in cluster if not one.reversed]
    served = [one for one in standing if one.delivered]
    lacking = [one for one in standing if not one.delivered]
    vacant = [one for one in cluster if one.reversed and one.approved and one.delivered and one.order_id]
    passed = tuple((heir, gone.order_id or "") for heir, gone in zip(lacking, vacant, strict=False) if gone.order_id)
    lacking = lacking[len(passed) :]
    kept = served[0] if served else passed[0][0] if passed else lacking[0] if lacking else None
    if kept is None:
        return None
    extra = [one for one in lacking if one.key != kept.key and _is_settled(one, settled_us)]
    if not extra and not passed:
        return None
    return Repeat(f"charge:{cluster[0].provider}/{cluster[0].ref}", kept.ref, tuple(extra), passed)


def _is_settled(one: Member, settled_us: int) -> bool:
    return one.looked_up and not one.disputed_tie and one.occurred_us <= settled_us


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
            order.c.provider_ref,
            sa.case((disputed, 1), else_=0).label("disputed_tie"),
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
        disputed_tie=bool(row["disputed_tie"]),
        order_id=row["order_id"],
        order_amount_minor=row["order_amount_minor"],
        order_money=row["order_money"],
        delivered=bool(row["delivered"]),
        named=row["provider_ref"] is not None and row["provider_ref"] in {row["ref"], row["group_ref"]},
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
