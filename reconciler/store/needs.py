"""Which charges have to be looked at one by one, and when again: the fewest that the rules allow."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Select

from reconciler.columns import to_us
from reconciler.matching.inputs import ANY_REF, FINDABLE_REFS, NEEDS_LOOK, is_delivered
from reconciler.schema import charge_states, orders, payments, transactions

YOUNG = timedelta(days=15)
SWEPT = timedelta(days=175)
ROTA = timedelta(days=1)
ROTA_LIMIT = 600
OPEN_LIMIT = 3000
_PATIENCE = 48
"""An open charge is looked at again when a 48th of its age has passed: soon while it is young, rarely later."""


def refs_to_read(connection: sa.Connection, provider: str, now: datetime) -> list[str]:
    """The refs of one provider that need a look now, each once, the most urgent first."""
    queries = [_named_by_orders(provider, now), _old_recurring(provider, now)]
    if provider in NEEDS_LOOK:
        queries += [_reversed(provider), _open(provider, now), _rota(provider, now)]
    refs: dict[str, None] = {}
    for query in queries:
        refs |= dict.fromkeys(connection.execute(query).scalars())
    return list(refs)


def _named_by_orders(provider: str, now: datetime) -> Select[Any]:
    """References of delivered orders that no list has shown: looked up before absence is concluded."""
    form = FINDABLE_REFS.get(provider, ANY_REF)
    by_order = sa.select(orders.c.provider_ref.label("ref"), orders.c.created_at).where(
        orders.c.provider == provider, is_delivered(orders), orders.c.provider_ref.like(form)
    )
    by_payment = (
        sa.select(payments.c.provider_ref, orders.c.created_at)
        .join(orders, orders.c.order_id == payments.c.order_id)
        .where(payments.c.provider == provider, payments.c.provider_ref.like(form), is_delivered(orders))
    )
    named = sa.union(by_order, by_payment).subquery()
    known = sa.exists().where(transactions.c.provider == provider, transactions.c.ref == named.c.ref)
    return (
        sa.select(named.c.ref)
        .outerjoin(charge_states, _state_of(provider, named.c.ref))
        .where(~known, _due_again(named.c.created_at, now))
        .order_by(named.c.ref)
        .limit(OPEN_LIMIT)
    )


def _old_recurring(provider: str, now: datetime) -> Select[Any]:
    """Recurring orders that began before the sweep's reach, once a day: no window shows their new periods."""
    first = transactions
    read_us = sa.func.coalesce(sa.type_coerce(charge_states.c.read_at, BigInteger), 0)
    return (
        _charges(provider)
        .where(
            first.c.shared,
            first.c.recurring,
            first.c.ref == first.c.group_ref,
            first.c.occurred_at < now - SWEPT,
            read_us <= to_us(now - ROTA),
        )
        .order_by(first.c.ref)
        .limit(ROTA_LIMIT)
    )


def _reversed(provider: str) -> Select[Any]:
    """Reversed charges, once after their reversal was first seen."""
    back = transactions.alias("back")
    return (
        sa.select(back.c.parent_ref)
        .outerjoin(charge_states, _state_of(provider, back.c.parent_ref))
        .where(
            back.c.provider == provider,
            back.c.kind != "charge",
            back.c.parent_ref.is_not(None),
            sa.or_(charge_states.c.read_at.is_(None), charge_states.c.read_at < back.c.first_seen_at),
        )
        .order_by(back.c.parent_ref)
        .limit(OPEN_LIMIT)
    )


def _open(provider: str, now: datetime) -> Select[Any]:
    """Standing charges that no delivered order holds by reference."""
    row = transactions
    by_order = sa.exists().where(
        orders.c.provider_ref == row.c.ref, orders.c.provider == provider, is_delivered(orders)
    )
    by_code = sa.exists().where(orders.c.code_hash == row.c.code_hash, is_delivered(orders))
    by_payment = sa.exists().where(
        payments.c.provider == provider,
        payments.c.provider_ref == row.c.ref,
        orders.c.order_id == payments.c.order_id,
        is_delivered(orders),
    )
    return (
        _charges(provider)
        .where(
            row.c.status.in_(["paid", "pending", "unknown"]),
            ~by_order,
            ~by_code,
            ~by_payment,
            _due_again(row.c.occurred_at, now),
        )
        .order_by(row.c.occurred_at.desc(), row.c.ref)
        .limit(OPEN_LIMIT)
    )


def _rota(provider: str, now: datetime) -> Select[Any]:
    """Young sales once a day: a refund that was begun or a refuted delivery shows on matched ones too."""
    read_us = sa.func.coalesce(sa.type_coerce(charge_states.c.read_at, BigInteger), 0)
    return (
        _charges(provider)
        .where(transactions.c.occurred_at > now - YOUNG, read_us <= to_us(now - ROTA))
        .order_by(read_us, transactions.c.occurred_at.desc(), transactions.c.ref)
        .limit(ROTA_LIMIT)
    )


def _charges(provider: str) -> Select[Any]:
    return (
        sa.select(transactions.c.ref)
        .outerjoin(charge_states, _state_of(provider, transactions.c.ref))
        .where(transactions.c.provider == provider, transactions.c.kind == "charge")
    )


def _state_of(provider: str, ref: ColumnElement[Any]) -> ColumnElement[bool]:
    return sa.and_(charge_states.c.provider == provider, charge_states.c.ref == ref)


def _due_again(since: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    now_us = to_us(now)
    read_us = sa.type_coerce(charge_states.c.read_at, BigInteger)
    rested = (now_us - read_us) * _PATIENCE >= now_us - sa.type_coerce(since, BigInteger)
    return sa.or_(charge_states.c.read_at.is_(None), rested)
