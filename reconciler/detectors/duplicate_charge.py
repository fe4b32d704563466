"""Finds purchases that were paid more than once (policy 3, duplicate charge)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import Context, Detector, Row, account_of, charges_with_orders, evidence, money, when
from reconciler.matching.plan import same_charge
from reconciler.matching.relations import charge, order, surplus, tie
from reconciler.model import Finding


def _candidates(_context: Context) -> Select[Any]:
    held, kept = tie.alias("held"), order.alias("kept")
    return (
        charges_with_orders()
        .add_columns(
            surplus.c.subject,
            surplus.c.kept_provider,
            surplus.c.kept_ref,
            kept.c.order_id.label("kept_order_id"),
            kept.c.account_id.label("kept_account_id"),
        )
        .join(surplus, same_charge(surplus, charge))
        .outerjoin(held, sa.and_(held.c.provider == surplus.c.kept_provider, held.c.ref == surplus.c.kept_ref))
        .outerjoin(kept, kept.c.order_id == held.c.order_id)
        .where(charge.c.history == 0)
        .order_by(surplus.c.subject, charge.c.provider, charge.c.currency, charge.c.occurred_us, charge.c.ref)
    )


def _judge(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    purchases: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        purchases[row["subject"], row["charge_provider"], row["charge_currency"]].append(row)
    for (subject, provider, currency), charges in purchases.items():
        yield _finding(f"{subject}:{provider}:{currency}", provider, currency, charges)


def _finding(subject: str, provider: str, currency: str, charges: list[Row]) -> Finding:
    first = charges[0]
    amount = sum(row["charge_amount_minor"] for row in charges)
    extra = ", ".join(f"{row['charge_ref']} ({when(row['charge_occurred_us'])})" for row in charges)
    order_id = first["order_order_id"] or first["kept_order_id"]
    held = f" for order {order_id}" if order_id else ""
    return Finding(
        kind="duplicate_charge",
        subject=subject,
        severity="warning",
        provider=provider,
        transaction_ids=tuple(row["charge_ref"] for row in charges),
        related_transaction_ids=(first["kept_ref"],),
        order_id=order_id,
        account_id=account_of(first) or first["kept_account_id"],
        amount_minor=amount,
        currency=currency,
        reason="same_order" if any(_shares_order(row) for row in charges) else "repeated_charge",
        policy_clause="3.duplicate_charge",
        recommendation="refund",
        refundable_minor=amount,
        explanation=(
            f"One purchase{held} was paid more than once: charge {first['kept_ref']} stands, and {extra} "
            f"paid {money(amount, currency)} on top of it."
        ),
        evidence={
            "surplus": [evidence(row) for row in charges],
            "kept": first["kept_ref"],
            "kept_provider": first["kept_provider"],
        },
    )


def _shares_order(row: Row) -> bool:
    """The shop or the provider ties the charge to the order that the kept one paid for."""
    return row["order_order_id"] is not None and row["order_order_id"] == row["kept_order_id"]


DETECTOR = Detector(("duplicate_charge",), _candidates, _judge)
