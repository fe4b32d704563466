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
    """An approved refund is on record, or the shop marks an order refunded that is tied to the charge or claims it."""
    approved = sa.exists().where(approval.c.provider == reversal.c.provider, approval.c.ref == reversal.c.parent_ref)
    return sa.or_(approved, _is_refunded_by(tie), _is_refunded_by(contested), _is_refunded_unseen())


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
