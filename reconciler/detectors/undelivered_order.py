"""Finds charges that were paid and not delivered, and codes that nobody presented (policy 3, undelivered)."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import (
    Context,
    Detector,
    Row,
    account_of,
    charges_with_orders,
    credits_text,
    evidence,
    in_conflict,
    is_surplus,
    money,
    when,
)
from reconciler.matching.relations import charge, order
from reconciler.model import Finding
from reconciler.policy import refundable_minor


def _candidates(context: Context) -> Select[Any]:
    """Standing charges past the grace period, as far as the shop was read, without a whole delivery."""
    lacking = sa.or_(order.c.order_id.is_(None), sa.and_(order.c.delivered == 0, order.c.status != "refunded"))
    partly = sa.and_(
        order.c.delivered == 1,
        order.c.status == "delivered",
        order.c.credits_micro < order.c.credits_ordered_micro,
    )
    return (
        charges_with_orders()
        .where(
            charge.c.reversed == 0,
            charge.c.history == 0,
            charge.c.occurred_us <= context.horizon.settled_us - context.terms.grace_us,
            sa.or_(sa.and_(charge.c.looked_up == 1, lacking), partly),
            ~is_surplus(),
            ~in_conflict(),
        )
        .order_by(charge.c.provider, charge.c.ref)
    )


def _judge(rows: Iterable[Row], context: Context) -> Iterator[Finding]:
    for row in rows:
        if row["charge_unclaimed"] and not row["order_delivered"]:
            if row["charge_occurred_us"] + context.terms.unclaimed_us <= context.horizon.now_us:
                yield _unclaimed(row)
        else:
            yield _undelivered(row)


def _unclaimed(row: Row) -> Finding:
    return Finding(
        **_common(row),
        kind="unclaimed_order",
        severity="info",
        reason="code_not_presented",
        policy_clause="3.undelivered",
        recommendation="none",
        explanation=(
            f"Charge {row['charge_ref']} of {_amount(row)} was paid {when(row['charge_occurred_us'])}, and the buyer "
            f"has not presented the unique code yet; nothing is wrong so far."
        ),
        evidence=evidence(row),
    )


def _undelivered(row: Row) -> Finding:
    reason, story = _story(row)
    paid = f"Charge {row['charge_ref']} of {_amount(row)} was paid {when(row['charge_occurred_us'])}"
    return Finding(
        **_common(row),
        kind="undelivered_order",
        severity="critical",
        reason=reason,
        policy_clause="3.undelivered",
        recommendation="deliver",
        refundable_minor=_refundable(row),
        explanation=f"{paid}; {story}.",
        evidence=evidence(row),
    )


def _story(row: Row) -> tuple[str, str]:
    if row["order_order_id"] is None:
        return "no_order", "the shop has no order for it"
    if not row["order_delivered"]:
        return "not_fulfilled", f"order {row['order_order_id']} is {row['order_status']} and was not delivered"
    ordered, granted = credits_text(row["order_credits_ordered_micro"]), credits_text(row["order_credits_micro"])
    return "partly_delivered", f"order {row['order_order_id']} got {granted} of {ordered} credits"


def _refundable(row: Row) -> int | None:
    return refundable_minor(
        row["charge_amount_minor"],
        credits_micro=row["order_credits_micro"],
        credits_used_micro=row["order_credits_used_micro"],
        balance_micro=row["account_balance_micro"],
        delivered=bool(row["order_delivered"] and row["order_credits_micro"]),
    )


def _amount(row: Row) -> str:
    return money(row["charge_amount_minor"], row["charge_currency"])


def _common(row: Row) -> dict[str, Any]:
    return {
        "subject": f"charge:{row['charge_provider']}/{row['charge_ref']}",
        "provider": row["charge_provider"],
        "transaction_ids": (row["charge_ref"],),
        "order_id": row["order_order_id"],
        "account_id": account_of(row),
        "amount_minor": row["charge_amount_minor"],
        "currency": row["charge_currency"],
    }


DETECTOR = Detector(("undelivered_order", "unclaimed_order"), _candidates, _judge)
