"""Selects reversals with their charge, order and account, and tells the explained from the others (policy 6 and 7)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Subquery, Table

from reconciler.detectors.base import ACCOUNT, CHARGE, ORDER
from reconciler.matching.relations import account, approval, charge, contested, dispute, order, reversal, tie
from reconciler.model import Kind

REVERSAL = tuple(column.label(f"reversal_{column.name}") for column in reversal.columns)


def reversals_with_orders() -> Select[Any]:
    """Every reversal, with its charge, order and account where they are known."""
    of_charge = sa.and_(charge.c.provider == reversal.c.provider, charge.c.ref == reversal.c.parent_ref)
    of_tie = sa.and_(tie.c.provider == reversal.c.provider, tie.c.ref == reversal.c.parent_ref)
    return (
        sa.select(*REVERSAL, *CHARGE, *ORDER, *ACCOUNT)
        .select_from(reversal)
        .outerjoin(charge, of_charge)
        .outerjoin(tie, of_tie)
        .outerjoin(order, order.c.order_id == tie.c.order_id)
        .outerjoin(account, account.c.account_id == sa.func.coalesce(order.c.account_id, charge.c.account_id))
        .order_by(reversal.c.provider, reversal.c.ref)
    )


def is_explained() -> ColumnElement[bool]:
    """Approved refunds cover it, or an order that is tied to the charge or claims it is marked refunded by the shop.

    The shop's mark approves the charge whole and no more: what goes back after that is not explained by it.
    """
    by_shop = sa.or_(_is_refunded_by(tie), _is_refunded_by(contested), _is_refunded_unseen())
    return sa.or_(_is_counted("covered"), sa.and_(by_shop, ~_is_counted("past")))


def _is_counted(what: str) -> ColumnElement[bool]:
    counted = coverage()
    mine = sa.and_(counted.c.provider == reversal.c.provider, counted.c.ref == reversal.c.ref, counted.c[what] == 1)
    return sa.exists().where(mine).correlate(reversal)


def coverage() -> Subquery:
    """How far the approvals of a charge reach, the earliest reversal first; of two at one time the lower ref.

    `covered` is 1 where they come to no less than all that went back up to this one. Providers tell of whole charges
    only, never of a part: an approval of any amount covers the first reversal of the whole charge. What is in another
    currency cannot be compared: there an approval of its own is enough. Where the whole charge was approved, what goes
    above it is told as that, and not once more as unexplained. `past` is 1 where all of the charge went back before;
    `excess_minor` is what no approval covers.
    """
    back, same, any_ = _backs(), _approved("money"), _approved()
    of_back = sa.and_(any_.c.provider == back.c.provider, any_.c.ref == back.c.parent_ref)
    in_money = sa.and_(
        same.c.provider == back.c.provider, same.c.ref == back.c.parent_ref, same.c.money == back.c.money
    )
    of_charge = sa.and_(
        charge.c.provider == back.c.provider, charge.c.ref == back.c.parent_ref, charge.c.money == back.c.money
    )
    approved = sa.func.coalesce(same.c.minor, 0)
    is_first = sa.and_(back.c.before_minor == 0, sa.func.coalesce(charge.c.amount_minor, 0) <= back.c.amount_minor)
    over = back.c.before_minor + back.c.amount_minor - approved
    in_other_money = any_.c.number > sa.func.coalesce(same.c.number, 0)
    whole = sa.and_(charge.c.amount_minor <= approved, back.c.before_minor < charge.c.amount_minor)
    covered = sa.and_(any_.c.number > 0, sa.or_(is_first, over <= 0, whole, in_other_money))
    return (
        sa.select(
            back.c.provider,
            back.c.ref,
            sa.case((covered, 1), else_=0).label("covered"),
            sa.case((charge.c.amount_minor <= back.c.before_minor, 1), else_=0).label("past"),
            sa.case((over < back.c.amount_minor, over), else_=back.c.amount_minor).label("excess_minor"),
        )
        .select_from(back)
        .outerjoin(same, in_money)
        .outerjoin(any_, of_back)
        .outerjoin(charge, of_charge)
        .subquery("coverage")
    )


def _backs() -> Subquery:
    """The reversals but chargebacks, which no approval is for, each with what went back before it in the same money."""
    row = reversal.alias("back").c
    before = sa.func.sum(row.amount_minor).over(
        partition_by=(row.provider, row.parent_ref, row.money), order_by=(row.occurred_us, row.ref), rows=(None, -1)
    )
    names = (row.provider, row.ref, row.parent_ref, row.money, row.amount_minor)
    sums = sa.select(*names, _whole(sa.func.coalesce(before, 0)).label("before_minor"))
    return sums.where(row.kind != Kind.CHARGEBACK).subquery("backs")


def _approved(*more: str) -> Subquery:
    """Number and sum of the approvals of each charge."""
    keys = [approval.c[name] for name in ("provider", "ref", *more)]
    total = _whole(sa.func.sum(approval.c.amount_minor)).label("minor")
    return sa.select(*keys, sa.func.count().label("number"), total).group_by(*keys).subquery()


def _whole(number: ColumnElement[Any]) -> ColumnElement[int]:
    return sa.cast(number, sa.BigInteger)


def _is_refunded_by(pairs: Table) -> ColumnElement[bool]:
    return (
        sa.exists()
        .where(
            pairs.c.provider == reversal.c.provider,
            pairs.c.ref == reversal.c.parent_ref,
            order.c.order_id == pairs.c.order_id,
            order.c.status == "refunded",
        )
        .correlate(reversal)
    )


def _is_refunded_unseen() -> ColumnElement[bool]:
    """The charge itself was not read yet, and an order that names it is marked refunded."""
    seen = (
        sa.exists()
        .where(charge.c.provider == reversal.c.provider, charge.c.ref == reversal.c.parent_ref)
        .correlate(reversal)
    )
    named = (
        sa.exists()
        .where(
            order.c.provider_ref == reversal.c.parent_ref,
            order.c.provider == reversal.c.provider,
            order.c.status == "refunded",
        )
        .correlate(reversal)
    )
    return sa.and_(named, ~seen)


def is_recorded() -> ColumnElement[bool]:
    """A chargeback of the charge is on record, by an operator or an import: no mere suspicion, and no mere signal."""
    return sa.exists().where(
        dispute.c.provider == reversal.c.provider, dispute.c.ref == reversal.c.parent_ref, dispute.c.state != "signal"
    )


def standing() -> ColumnElement[str]:
    """What a reversal is: `confirmed`, `explained`, `unapproved` or `suspected`, exactly one of them."""
    return sa.case(
        (reversal.c.kind == Kind.CHARGEBACK, "confirmed"),
        (is_explained(), "explained"),
        (is_recorded(), "confirmed"),
        (reversal.c.seller_started == 1, "unapproved"),
        else_="suspected",
    )
