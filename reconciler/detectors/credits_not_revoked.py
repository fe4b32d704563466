"""Finds credits that can still be spent although their charge was reversed (policy 6)."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import Context, Detector, Row, account_of, credits_text, evidence
from reconciler.detectors.reversals import reversals_with_orders
from reconciler.matching.relations import account, charge, order, reversal, tie
from reconciler.model import Finding, Status


def _candidates(_context: Context) -> Select[Any]:
    """Delivered credits of a reversed charge on an active account that has a balance.

    An order that another, standing charge pays for keeps its credits by right.
    """
    other, also = tie.alias("other"), charge.alias("also")
    paid_otherwise = (
        sa.exists()
        .where(
            other.c.order_id == order.c.order_id,
            also.c.provider == other.c.provider,
            also.c.ref == other.c.ref,
            also.c.reversed == 0,
        )
        .correlate(order)
    )
    return reversals_with_orders().where(
        reversal.c.status == Status.COMPLETED,
        order.c.delivered == 1,
        order.c.credits_micro > 0,
        account.c.status == "active",
        account.c.balance_micro > 0,
        ~paid_otherwise,
    )


def _judge(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    seen: set[str] = set()
    for row in rows:
        spendable = _spendable_micro(row)
        if spendable > 0 and row["order_order_id"] not in seen:
            seen.add(row["order_order_id"])
            yield _finding(row, spendable)


def _spendable_micro(row: Row) -> int:
    """Credits of this order that are still there: at most its unused ones and the account's balance.

    An order that the shop marks refunded had its credits taken back, unless the balance is more than the other
    orders account for.
    """
    balance, unused = row["account_balance_micro"], row["order_credits_micro"] - (row["order_credits_used_micro"] or 0)
    if row["order_status"] == "refunded":
        balance -= int(row["account_unused_micro"])
    return int(min(balance, unused))


def _finding(row: Row, spendable_micro: int) -> Finding:
    ref = row["reversal_parent_ref"]
    paid = row["charge_amount_minor"]
    return Finding(
        kind="credits_not_revoked",
        subject=f"order:{row['order_order_id']}",
        severity="critical",
        provider=row["reversal_provider"],
        transaction_ids=(ref,),
        order_id=row["order_order_id"],
        account_id=account_of(row),
        amount_minor=None if paid is None else paid * spendable_micro // row["order_credits_micro"],
        currency=row["charge_currency"],
        reason="credits_spendable",
        policy_clause="6",
        recommendation="manual",
        explanation=(
            f"Charge {ref} was reversed, but account {row['account_account_id']} is active and can still spend "
            f"{credits_text(spendable_micro)} credits of order {row['order_order_id']}."
        ),
        evidence=evidence(row) | {"spendable_micro": spendable_micro, "balance_micro": row["account_balance_micro"]},
    )


DETECTOR = Detector(("credits_not_revoked",), _candidates, _judge)
