"""Finds approved refunds that did not happen and refunds larger than their charge (policy 6)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Subquery

from reconciler.detectors.base import (
    Context,
    Detector,
    Row,
    about_charges,
    account_of,
    charges_with_orders,
    evidence,
    is_surplus,
    money,
    when,
)
from reconciler.matching.plan import same_charge
from reconciler.matching.relations import approval, charge, order, reversal, tie
from reconciler.matching.terms import DAY_US
from reconciler.model import Finding, Status


def _unexecuted(context: Context) -> Select[Any]:
    """Approvals of charges, and charges of orders that the shop marks refunded, without a reversal."""
    both = sa.union_all(_approved_by_record(), _approved_by_shop(context.terms.tolerance_minor)).subquery()
    return sa.select(both).where(both.c.amount_minor > 0).order_by(both.c.provider, both.c.ref, both.c.approved_us)


def _approved_by_record() -> Select[Any]:
    owing = _owing()
    owed = sa.case(
        (owing.c.uncompared == 1, 0),
        (owing.c.due_minor < owing.c.amount_minor, owing.c.due_minor),
        else_=owing.c.amount_minor,
    )
    return about_charges(owing).add_columns(
        owing.c.provider,
        owing.c.ref,
        owed.label("amount_minor"),
        owing.c.currency,
        owing.c.recorded_us.label("approved_us"),
        owing.c.decided_by,
    )


def _owing() -> Subquery:
    """Approvals with what is due of them: each needs money of its own that went back, the earliest approved first.

    Where nothing comparable went back, as in another currency, any reversal counts for all approvals of the charge.
    A provider that shows no partial sums (DigiSeller) shows the whole charge, which is enough for all of them.
    """
    earlier, back = approval.alias("earlier"), reversal.alias("back")
    of_charge = sa.and_(back.c.provider == approval.c.provider, back.c.parent_ref == approval.c.ref)
    before = sa.or_(
        earlier.c.recorded_us < approval.c.recorded_us,
        sa.and_(earlier.c.recorded_us == approval.c.recorded_us, earlier.c.id < approval.c.id),
    )
    same_charge_before = sa.and_(
        earlier.c.provider == approval.c.provider, earlier.c.ref == approval.c.ref, earlier.c.money == approval.c.money
    )
    promised = _sum(earlier.c.amount_minor, same_charge_before, before)
    returned = _sum(back.c.amount_minor, of_charge, back.c.money == approval.c.money)
    uncompared = sa.exists().where(
        of_charge, sa.func.coalesce(back.c.money, "") != sa.func.coalesce(approval.c.money, "?")
    )
    due = promised + approval.c.amount_minor - returned
    flag = sa.case((uncompared.correlate(approval), 1), else_=0)
    return sa.select(approval, due.label("due_minor"), flag.label("uncompared")).subquery("owing")


def _sum(column: ColumnElement[int], *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    query = sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(*conditions)
    return query.correlate(approval).scalar_subquery()


def _approved_by_shop(tolerance_minor: int) -> Select[Any]:
    """Charges of orders marked refunded, until what went back makes up the order; a surplus has its own finding."""
    return (
        charges_with_orders()
        .add_columns(
            charge.c.provider,
            charge.c.ref,
            charge.c.amount_minor,
            charge.c.currency,
            order.c.updated_us.label("approved_us"),
            sa.literal("the shop").label("decided_by"),
        )
        .where(
            order.c.status == "refunded",
            charge.c.reversed == 0,
            _went_back() < order.c.amount_minor - tolerance_minor,
            ~_is_approved(),
            ~is_surplus(),
        )
    )


def _went_back() -> ColumnElement[Any]:
    """What the order's reversed charges had paid, where it can be compared."""
    also, back = tie.alias("also"), charge.alias("back")
    return sa.func.coalesce(
        sa.select(sa.func.sum(back.c.amount_minor))
        .select_from(also)
        .join(back, same_charge(also, back))
        .where(also.c.order_id == order.c.order_id, back.c.reversed == 1, back.c.money == order.c.money)
        .correlate(order)
        .scalar_subquery(),
        0,
    )


def _is_approved() -> ColumnElement[bool]:
    return sa.exists().where(approval.c.provider == charge.c.provider, approval.c.ref == charge.c.ref)


def _judge_unexecuted(rows: Iterable[Row], context: Context) -> Iterator[Finding]:
    """Only once reversals were read completely after the time that the refund had; one finding for each charge."""
    overdue: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        due_us = row["approved_us"] + context.terms.execution_us
        if due_us <= context.horizon.now_us and due_us <= context.horizon.reversals_until_us.get(row["provider"], 0):
            overdue[row["provider"], row["ref"]].append(row)
    for approvals in overdue.values():
        total = sum(row["amount_minor"] for row in approvals)
        by = ", ".join(dict.fromkeys(row["decided_by"] for row in approvals))
        row = {**approvals[0], "amount_minor": total, "decided_by": by}
        yield _not_executed(row, context.terms.execution_us // DAY_US)


def _not_executed(row: Row, days: int) -> Finding:
    amount = money(row["amount_minor"], row["currency"])
    return Finding(
        kind="refund_not_executed",
        subject=f"charge:{row['provider']}/{row['ref']}",
        severity="warning",
        provider=row["provider"],
        transaction_ids=(row["ref"],),
        order_id=row["order_order_id"],
        account_id=account_of(row),
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        reason="no_reversal",
        policy_clause="6",
        recommendation="refund",
        refundable_minor=_at_most_the_charge(row),
        explanation=(
            f"A refund of {amount} for charge {row['ref']} was approved by {row['decided_by']} on "
            f"{when(row['approved_us'])}; after {days} days the provider still does not show it."
        ),
        evidence=evidence(row),
    )


def _at_most_the_charge(row: Row) -> int:
    """What was approved, but never more than was paid (policy 6)."""
    approved = int(row["amount_minor"])
    return min(approved, row["charge_amount_minor"]) if row["currency"] == row["charge_currency"] else approved


def _unit(table: Any) -> ColumnElement[Any]:
    """What amounts of a row may be added up in: RUR and RUB are one, and what compares with nothing stays by itself."""
    return sa.func.coalesce(table.c.money, table.c.currency)


def _excessive(_context: Context) -> Select[Any]:
    back = (
        sa.select(
            reversal.c.provider,
            reversal.c.parent_ref,
            _unit(reversal).label("unit"),
            sa.func.sum(reversal.c.amount_minor).label("back_minor"),
        )
        .where(reversal.c.status == Status.COMPLETED)
        .group_by(reversal.c.provider, reversal.c.parent_ref, _unit(reversal))
        .subquery()
    )
    return (
        charges_with_orders()
        .add_columns(back.c.back_minor)
        .join(
            back,
            sa.and_(
                back.c.provider == charge.c.provider,
                back.c.parent_ref == charge.c.ref,
                back.c.unit == _unit(charge),
            ),
        )
        .where(back.c.back_minor > charge.c.amount_minor)
        .order_by(charge.c.provider, charge.c.ref)
    )


def _judge_excessive(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        back, paid = int(row["back_minor"]), row["charge_amount_minor"]
        yield Finding(
            kind="refund_exceeds_charge",
            subject=f"charge:{row['charge_provider']}/{row['charge_ref']}",
            severity="warning",
            provider=row["charge_provider"],
            transaction_ids=(row["charge_ref"],),
            order_id=row["order_order_id"],
            account_id=account_of(row),
            amount_minor=back - paid,
            currency=row["charge_currency"],
            reason="over_refunded",
            policy_clause="6",
            recommendation="manual",
            explanation=(
                f"{money(back, row['charge_currency'])} went back for charge {row['charge_ref']} of "
                f"{money(paid, row['charge_currency'])}: more than was paid."
            ),
            evidence=evidence(row) | {"reversed_minor": back},
        )


NOT_EXECUTED = Detector(("refund_not_executed",), _unexecuted, _judge_unexecuted)
EXCEEDS_CHARGE = Detector(("refund_exceeds_charge",), _excessive, _judge_excessive)
