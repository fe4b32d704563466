"""The steps of matching, each a function that returns a select over the tables of `relations`.

A charge is consumed once. An order may hold several charges by reference, one by the fallback.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from reconciler.matching.relations import (
    charge,
    claim,
    contested,
    echo,
    edge,
    free_charge,
    free_order,
    member,
    order,
    payment,
    tie,
)

REFERENCE, PAYMENTS, CODE, ECHO, FALLBACK, PASSED = "reference", "payments", "code", "echo", "fallback", "passed"
_STRENGTHS = {REFERENCE: 1, PAYMENTS: 2, CODE: 3, ECHO: 4}

BUYERS = ("account_id", "telegram", "email")
"""What names a buyer, the strongest first."""


def same_charge(left: Any, right: Any) -> ColumnElement[bool]:
    """Both rows name the same charge."""
    return sa.and_(left.c.provider == right.c.provider, left.c.ref == right.c.ref)


def claims() -> Select[Any]:
    """Every (charge, order) that a reference states: the order's own, the shop's payments, the unique code."""
    named = sa.union(*_by_order(), _by_payment(), _by_code()).subquery()
    key = (named.c.provider, named.c.ref, named.c.order_id)
    return sa.select(*key, sa.func.min(named.c.strength)).group_by(*key)


def members() -> Select[Any]:
    """Orders that belong to a provider's order which several charges may share, by its id or by an echo."""
    shared = charge.c.shared == 1
    columns = (charge.c.provider, charge.c.group_ref)
    by_ref = (
        sa.select(*columns, order.c.order_id)
        .join(charge, charge.c.group_ref == order.c.provider_ref)
        .where(shared, _agree(order.c.provider, charge.c.provider))
    )
    by_payment = (
        sa.select(*columns, payment.c.order_id)
        .join(charge, charge.c.group_ref == payment.c.provider_ref)
        .join(order, order.c.order_id == payment.c.order_id)
        .where(shared, payment.c.provider == charge.c.provider)
    )
    by_echo = (
        sa.select(*columns, order.c.order_id)
        .select_from(charge)
        .join(echo, same_charge(echo, charge))
        .join(order, order.c.order_id == echo.c.value)
        .where(shared)
    )
    together = sa.union(by_ref, by_payment, by_echo).subquery()
    return sa.select(together.c.provider, together.c.group_ref, together.c.order_id)


def contests() -> Select[Any]:
    """Charges that more than one order claims: shown to a person, never paired by the program."""
    several = (
        sa.select(claim.c.provider, claim.c.ref)
        .group_by(claim.c.provider, claim.c.ref)
        .having(sa.func.count(sa.distinct(claim.c.order_id)) > 1)
        .subquery()
    )
    return sa.select(claim.c.provider, claim.c.ref, claim.c.order_id).join(several, same_charge(several, claim))


def claim_ties() -> Select[Any]:
    """The claims that nothing contests."""
    rule = sa.case({strength: rule for rule, strength in _STRENGTHS.items()}, value=claim.c.strength)
    return sa.select(claim.c.provider, claim.c.ref, claim.c.order_id, rule).where(~_exists(contested, claim))


def group_ties() -> Select[Any]:
    """Charges of a shared order go to the orders that share it one to one in time order.

    Charges beyond the orders belong to the last order, except where the order is a recurring one.
    """
    charges, orders = _ranked_charges(), _ranked_orders()
    last = sa.case((charges.c.rank < orders.c.size, charges.c.rank), else_=orders.c.size)
    place = sa.case((charges.c.recurring == 1, charges.c.rank), else_=last)
    return sa.select(charges.c.provider, charges.c.ref, orders.c.order_id, sa.literal(REFERENCE)).join(
        orders,
        sa.and_(
            orders.c.provider == charges.c.provider,
            orders.c.group_ref == charges.c.group_ref,
            orders.c.rank == place,
        ),
    )


def echo_claims() -> Select[Any]:
    """Claims by the shop's own order id where the provider gives it back, for charges not tied by a reference."""
    return (
        sa.select(charge.c.provider, charge.c.ref, order.c.order_id, _strength(ECHO))
        .distinct()
        .select_from(charge)
        .join(echo, same_charge(echo, charge))
        .join(order, order.c.order_id == echo.c.value)
        .where(charge.c.shared == 0, ~_exists(tie, charge), ~_exists(contested, charge))
    )


def free_charges() -> Select[Any]:
    """Charges that no reference has tied or disputed."""
    columns = (charge.c[column.name] for column in free_charge.columns)
    return sa.select(*columns).where(~_exists(tie, charge), ~_exists(contested, charge))


def free_orders() -> Select[Any]:
    """Orders that hold no charge and are not in dispute."""
    columns = (order.c[column.name] for column in free_order.columns)
    return sa.select(*columns).where(~_order_in(tie), ~_order_in(contested))


def edges(window_us: int, tolerance_minor: int) -> Select[Any]:
    """Pairs of a free charge and a free order that the fallback may take, or would but for a reference.

    Same buyer, same money, same product where both say one, charge and order at most `window_us` apart.
    """
    together = sa.union(*(_near(free_charge, free_order, how, window_us, tolerance_minor) for how in BUYERS))
    return sa.select(together.subquery())


def best_pairs(contradicting: int) -> Select[Any]:
    """The edges that are the best of both their charge and their order."""
    key = (edge.c.late, edge.c.distance_us, edge.c.provider, edge.c.ref, edge.c.order_id)
    by_charge = sa.func.row_number().over(partition_by=[edge.c.provider, edge.c.ref], order_by=key)
    by_order = sa.func.row_number().over(partition_by=edge.c.order_id, order_by=key)
    ranked = (
        sa.select(edge.c.provider, edge.c.ref, edge.c.order_id, by_charge.label("c"), by_order.label("o"))
        .where(edge.c.contradicts == contradicting)
        .subquery()
    )
    return sa.select(ranked.c.provider, ranked.c.ref, ranked.c.order_id).where(ranked.c.c == 1, ranked.c.o == 1)


def _by_order() -> tuple[Select[Any], Select[Any]]:
    """An order that names no provider names a charge only when no other provider has that reference too."""
    base = sa.select(charge.c.provider, charge.c.ref, order.c.order_id, _strength(REFERENCE)).join(
        order, order.c.provider_ref == charge.c.ref
    )
    exact = sa.or_(charge.c.shared == 0, charge.c.ref != charge.c.group_ref)
    other = charge.alias("other")
    elsewhere = sa.exists().where(other.c.ref == charge.c.ref, other.c.provider != charge.c.provider)
    return (
        base.where(exact, order.c.provider == charge.c.provider),
        base.where(exact, order.c.provider.is_(None), ~elsewhere),
    )


def _by_payment() -> Select[Any]:
    return (
        sa.select(charge.c.provider, charge.c.ref, payment.c.order_id, _strength(PAYMENTS))
        .join(
            payment,
            sa.and_(payment.c.provider_ref == charge.c.ref, payment.c.provider == charge.c.provider),
        )
        .join(order, order.c.order_id == payment.c.order_id)
        .where(sa.or_(charge.c.shared == 0, charge.c.ref != charge.c.group_ref))
    )


def _by_code() -> Select[Any]:
    """A code names a charge only when no other charge has it and the order names no other reference."""
    single = (
        sa.select(charge.c.code_hash)
        .where(charge.c.code_hash.is_not(None))
        .group_by(charge.c.code_hash)
        .having(sa.func.count() == 1)
        .subquery()
    )
    return (
        sa.select(charge.c.provider, charge.c.ref, order.c.order_id, _strength(CODE))
        .join(single, single.c.code_hash == charge.c.code_hash)
        .join(order, order.c.code_hash == charge.c.code_hash)
        .where(order.c.named == 0, _agree(order.c.provider, charge.c.provider))
    )


def _ranked_charges() -> Any:
    rank = sa.func.row_number().over(
        partition_by=[charge.c.provider, charge.c.group_ref], order_by=[charge.c.occurred_us, charge.c.ref]
    )
    recurring = sa.func.max(charge.c.recurring).over(partition_by=[charge.c.provider, charge.c.group_ref])
    return (
        sa.select(charge.c.provider, charge.c.ref, charge.c.group_ref, recurring.label("recurring"), rank.label("rank"))
        .where(charge.c.shared == 1, ~_exists(tie, charge), ~_exists(contested, charge))
        .subquery()
    )


def _ranked_orders() -> Any:
    key = [member.c.provider, member.c.group_ref]
    rank = sa.func.row_number().over(partition_by=key, order_by=[order.c.created_us, order.c.order_id])
    size = sa.func.count().over(partition_by=key)
    return (
        sa.select(*key, order.c.order_id, rank.label("rank"), size.label("size"))
        .join(order, order.c.order_id == member.c.order_id)
        .subquery()
    )


def buyers_agree(left: Any, right: Any, how: str) -> ColumnElement[bool]:
    """Both rows name the same buyer by `how`, the first of account, Telegram id and e-mail that both state."""
    stronger = BUYERS[: BUYERS.index(how)]
    unstated = [sa.or_(left.c[name].is_(None), right.c[name].is_(None)) for name in stronger]
    return sa.and_(left.c[how] == right.c[how], *unstated)


def buyers_differ(left: Any, right: Any) -> ColumnElement[bool]:
    """Both rows name a buyer, and not the same one, by the first of account, Telegram id and e-mail both state."""
    ways = []
    for place, how in enumerate(BUYERS):
        unstated = [sa.or_(left.c[name].is_(None), right.c[name].is_(None)) for name in BUYERS[:place]]
        ways.append(sa.and_(left.c[how] != right.c[how], *unstated))
    return sa.or_(*ways)


def _near(left: Any, right: Any, how: str, window_us: int, tolerance_minor: int) -> Select[Any]:
    distance = sa.func.abs(left.c.occurred_us - right.c.created_us)
    return sa.select(
        left.c.provider,
        left.c.ref,
        right.c.order_id,
        distance.label("distance_us"),
        (1 - right.c.delivered).label("late"),
        sa.case((_contradict(left, right), 1), else_=0).label("contradicts"),
    ).join(
        right,
        sa.and_(
            buyers_agree(left, right, how),
            left.c.money == right.c.money,
            sa.func.abs(left.c.amount_minor - right.c.amount_minor) <= tolerance_minor,
            right.c.created_us.between(left.c.occurred_us - window_us, left.c.occurred_us + window_us),
            _agree(left.c.product_id, right.c.product_id),
            _agree(left.c.provider, right.c.provider),
        ),
    )


def _contradict(left: Any, right: Any) -> ColumnElement[bool]:
    """The order names a reference, which is not this charge's (or it would be tied), or another code."""
    return sa.or_(
        right.c.named == 1,
        sa.and_(right.c.code_hash.is_not(None), left.c.code_hash.is_not(None), right.c.code_hash != left.c.code_hash),
    )


def _agree(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    return sa.or_(left.is_(None), right.is_(None), left == right)


def _exists(where: Any, row: Any) -> ColumnElement[bool]:
    return sa.exists().where(same_charge(where, row))


def _order_in(where: Any) -> ColumnElement[bool]:
    return sa.exists().where(where.c.order_id == order.c.order_id)


def _strength(rule: str) -> ColumnElement[int]:
    return sa.literal(_STRENGTHS[rule]).label("strength")
