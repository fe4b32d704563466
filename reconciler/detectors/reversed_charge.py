"""Finds money that went back without a decision: suspected chargebacks, those a provider names, unapproved refunds."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import Context, Detector, Row, account_of, evidence, money, when
from reconciler.detectors.reversals import coverage, is_recorded, reversals_with_orders, standing
from reconciler.matching.relations import reversal
from reconciler.model import Finding

_KINDS = {
    "confirmed": ("chargeback", "critical", "7"),
    "unapproved": ("unapproved_refund", "warning", "6"),
    "suspected": ("suspected_chargeback", "critical", "7"),
}


def _candidates(_context: Context) -> Select[Any]:
    what = standing()
    over = coverage()
    mine = sa.and_(over.c.provider == reversal.c.provider, over.c.ref == reversal.c.ref)
    rows = reversals_with_orders().add_columns(what.label("standing"), over.c.excess_minor).outerjoin(over, mine)
    return rows.where(what != "explained", ~is_recorded())


def _judge(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        yield _finding(row)


def _finding(row: Row) -> Finding:
    kind, severity, clause = _KINDS[row["standing"]]
    ref = row["reversal_parent_ref"] or row["reversal_ref"]
    return Finding(
        kind=kind,
        subject=f"reversal:{row['reversal_provider']}/{row['reversal_ref']}",
        severity=severity,
        provider=row["reversal_provider"],
        transaction_ids=(ref,),
        order_id=row["order_order_id"],
        account_id=account_of(row),
        amount_minor=_at_stake(row),
        currency=row["reversal_currency"],
        reason=row["reversal_status"],
        policy_clause=clause,
        recommendation="manual",
        explanation=_story(row, ref),
        evidence=evidence(row) | {"reversal_ref": row["reversal_ref"], "reversal_reason": row["reversal_reason"]},
    )


def _at_stake(row: Row) -> int:
    """What no approval covers; a chargeback that the provider names is at stake whole."""
    return int(row["reversal_amount_minor"] if row["standing"] == "confirmed" else row["excess_minor"])


def _story(row: Row, ref: str) -> str:
    amount = money(row["reversal_amount_minor"], row["reversal_currency"])
    seen = when(row["reversal_occurred_us"])
    if row["standing"] == "confirmed":
        return f"Charge {ref} was charged back: {amount} went back on {seen}."
    if row["excess_minor"] < row["reversal_amount_minor"]:
        over = money(row["excess_minor"], row["reversal_currency"])
        return f"{amount} of charge {ref} went back (seen {seen}): {over} more than all approved refunds of it allow."
    if row["standing"] == "unapproved":
        return (
            f"A refund of {amount} for charge {ref} was started from our side ({seen}), and no decision is on record."
        )
    return (
        f"{amount} of charge {ref} went back to the buyer (seen {seen}), and no approved refund explains it: "
        f"possibly a chargeback."
    )


DETECTOR = Detector(("suspected_chargeback", "chargeback", "unapproved_refund"), _candidates, _judge)
