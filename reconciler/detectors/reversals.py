"""Selects reversals with their charge, order and account, and tells the explained from the others (policy 6 and 7)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, Table

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
    return sa.or_(_is_covered(), sa.and_(by_shop, ~_is_past_the_charge()))


def excess_minor() -> ColumnElement[int]:
    """What of a reversal no approval covers: all of it, or the part by which the sums of both differ."""
    over = _back_before() + reversal.c.amount_minor - _approved()
    return sa.case((over < reversal.c.amount_minor, over), else_=reversal.c.amount_minor)


def _is_covered() -> ColumnElement[bool]:
    """The approvals of the charge come to no less than all that went back of it up to this, the earliest first.

    Providers tell of whole charges only, never of a part: an approval of any amount covers the first reversal of the
    whole charge. What is in another currency cannot be compared: there an approval of its own is enough.
    """
    other_money = sa.func.coalesce(approval.c.money, "?") != sa.func.coalesce(reversal.c.money, "")
    is_first = sa.and_(_back_before() == 0, ~_exists(charge, _of_charge(charge), _is_only_part()))
    enough = sa.or_(is_first, _back_before() + reversal.c.amount_minor <= _approved())
    compared = sa.and_(_exists(approval, _of_charge(approval)), enough)
    return sa.or_(compared, _exists(approval, _of_charge(approval), other_money))


def _is_only_part() -> ColumnElement[bool]:
    return sa.and_(charge.c.money == reversal.c.money, charge.c.amount_minor > reversal.c.amount_minor)


def _is_past_the_charge() -> ColumnElement[bool]:
    """All of the charge went back before this."""
    whole = sa.and_(charge.c.money == reversal.c.money, charge.c.amount_minor <= _back_before())
    return _exists(charge, _of_charge(charge), whole)


def _approved() -> ColumnElement[int]:
    return _sum(approval, _of_charge(approval), approval.c.money == reversal.c.money)


def _back_before() -> ColumnElement[int]:
    """What went back of the charge before this, in the same money; of two at one time the lower ref was first."""
    earlier = reversal.alias("earlier")
    before = sa.or_(
        earlier.c.occurred_us < reversal.c.occurred_us,
        sa.and_(earlier.c.occurred_us == reversal.c.occurred_us, earlier.c.ref < reversal.c.ref),
    )
    same = (earlier.c.provider == reversal.c.provider, earlier.c.parent_ref == reversal.c.parent_ref)
    return _sum(earlier, *same, earlier.c.money == reversal.c.money, before)


def _sum(table: Any, *where: ColumnElement[bool]) -> ColumnElement[int]:
    query = sa.select(sa.func.coalesce(sa.func.sum(table.c.amount_minor), 0)).where(*where)
    return sa.cast(query.correlate_except(table).scalar_subquery(), sa.BigInteger)


def _exists(table: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    return sa.exists().where(*where).correlate_except(table)


def _of_charge(table: Any) -> ColumnElement[bool]:
    return sa.and_(table.c.provider == reversal.c.provider, table.c.ref == reversal.c.parent_ref)


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
