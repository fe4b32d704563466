"""The times that judgements depend on: what lies between their old and new place is judged again.

Every rule that time alone can change compares a stored time with one of these marks, so that a run finds what has come
of age by looking between two times in an index, whatever the size of the history.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Select

from reconciler.detectors.base import Context
from reconciler.detectors.kept_facts import YOUNG_US
from reconciler.matching.terms import Coverage
from reconciler.schema import charge_states, matches, orders, refund_approvals, signals, transactions

Marks = Mapping[str, int]
_NEVER_US = -(2**62)


def marks(context: Context) -> dict[str, int]:
    """Where the marks are now, in microseconds since 1970."""
    terms, horizon = context.terms, context.horizon
    reach = max(terms.grace_us, terms.fallback_window_us)
    found = {
        "grace": horizon.settled_us - terms.grace_us,
        "unclaimed": horizon.now_us - terms.unclaimed_us,
        "young": horizon.now_us - YOUNG_US,
    }
    for name in horizon.providers:
        until_us = horizon.providers.get(name, Coverage()).until_us
        found[f"covered:{name}"] = _NEVER_US if until_us is None else until_us - reach
        reversals_us = horizon.reversals_until_us.get(name, 0)
        found[f"executed:{name}"] = min(horizon.now_us, reversals_us) - terms.execution_us
    return found


def aged_transactions(before: Marks, now: Marks) -> list[Select[Any]]:
    """Keys of charges that came of age: undelivered or unclaimed ones, ones with a sign of a dispute or an approval."""
    row, state, sign = transactions.c, charge_states.c, signals.c
    key = (row.provider, row.ref)
    passed = _passed(before, now)
    approved = sa.select(refund_approvals.c.provider, refund_approvals.c.ref)
    return [
        sa.select(*key).where(row.kind == "charge", passed("grace", row.occurred_at), ~_is_delivered()),
        sa.select(*key)
        .join(charge_states, sa.and_(state.provider == row.provider, state.ref == row.ref))
        .where(passed("unclaimed", row.occurred_at), state.claimed.is_(False)),
        sa.select(*key)
        .where(passed("young", row.occurred_at))
        .where(sa.exists().where(sign.provider == row.provider, sign.ref == row.ref)),
        approved.where(passed("executed", refund_approvals.c.recorded_at)),
    ]


def aged_orders(before: Marks, now: Marks) -> list[Select[Any]]:
    """Orders that came of age: such without a charge, and refunded ones."""
    row, passed = orders.c, _passed(before, now)
    tied = sa.exists().where(matches.c.order_id == row.order_id)
    return [
        sa.select(row.order_id).where(passed("covered", row.created_at), ~tied),
        sa.select(row.order_id).where(
            row.status == sa.literal_column("'refunded'"), passed("executed", row.updated_at)
        ),
    ]


def _passed(before: Marks, now: Marks) -> Callable[[str, ColumnElement[Any]], ColumnElement[bool]]:
    """Whether a mark moved over a time, forwards or back; of marks that each provider has, whether any did."""

    def condition(name: str, time: ColumnElement[Any]) -> ColumnElement[bool]:
        column = sa.type_coerce(time, BigInteger)
        spans = [sorted((before[key], now[key])) for key in now if key.partition(":")[0] == name]
        return sa.or_(sa.false(), *(sa.and_(column > low, column <= high) for low, high in spans if low < high))

    return condition


def _is_delivered() -> ColumnElement[bool]:
    """The charge holds an order that is delivered in full: its age changes nothing any more."""
    row = transactions.c
    partly = sa.func.coalesce(orders.c.credits_micro < orders.c.credits_ordered_micro, sa.false())
    return sa.exists().where(
        matches.c.provider == row.provider,
        matches.c.ref == row.ref,
        orders.c.order_id == matches.c.order_id,
        orders.c.status == "delivered",
        ~partly,
    )
