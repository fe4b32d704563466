"""The times that judgements depend on: what lies between their old and new place is judged again.

Every rule that time alone can change compares a stored time with one of these marks, so that a run finds what has come
of age by looking between two times in an index, whatever the size of the history.
"""

from collections.abc import Iterator, Mapping
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


def aged_transactions(before: Marks, now: Marks) -> Iterator[Select[Any]]:
    """Keys of charges that came of age: undelivered or unclaimed ones, ones with a sign of a dispute or an approval."""
    row, state, sign, approval = transactions.c, charge_states.c, signals.c, refund_approvals.c
    keys = sa.select(row.provider, row.ref)
    unclaimed = keys.join(charge_states, sa.and_(state.provider == row.provider, state.ref == row.ref))
    signed = sa.exists().where(sign.provider == row.provider, sign.ref == row.ref)
    undelivered = keys.where(row.kind == "charge", ~_is_delivered())
    yield from _between(undelivered, row.occurred_at, _spans("grace", before, now))
    yield from _between(unclaimed.where(state.claimed.is_(False)), row.occurred_at, _spans("unclaimed", before, now))
    yield from _between(keys.where(signed), row.occurred_at, _spans("young", before, now))
    approved = sa.select(approval.provider, approval.ref)
    yield from _between(approved, approval.recorded_at, _spans("executed", before, now))


def aged_orders(before: Marks, now: Marks) -> Iterator[Select[Any]]:
    """Orders that came of age: such without a charge, and refunded ones."""
    row = orders.c
    untied = sa.select(row.order_id).where(~sa.exists().where(matches.c.order_id == row.order_id))
    refunded = sa.select(row.order_id).where(row.status == sa.literal_column("'refunded'"))
    yield from _between(untied, row.created_at, _spans("covered", before, now))
    yield from _between(refunded, row.updated_at, _spans("executed", before, now))


def _spans(name: str, before: Marks, now: Marks) -> set[tuple[int, int]]:
    """What the marks of one name moved over, forwards or back."""
    moved = {(before[key], now[key]) for key in now if key.partition(":")[0] == name}
    return {(min(span), max(span)) for span in moved if span[0] != span[1]}


def _between(rows: Select[Any], time: ColumnElement[Any], spans: set[tuple[int, int]]) -> Iterator[Select[Any]]:
    """The rows whose time lies in a span, one select a span: a planner finds its way into an index by plain bounds."""
    column = sa.type_coerce(time, BigInteger)
    for low, high in sorted(spans):
        yield rows.where(column > low, column <= high)


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
