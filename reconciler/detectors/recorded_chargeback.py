"""Finds chargebacks on record (policy 7): confirmed ones whose money is or may be lost, and mere signals of one."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Select

from reconciler.detectors.base import Context, Detector, Row, about_charges, account_of, evidence, money, when
from reconciler.matching.relations import dispute
from reconciler.model import Finding

_KINDS = {"open": ("chargeback", "critical"), "lost": ("chargeback", "critical")}
_SIGNAL = ("dispute_signal", "warning")


def _candidates(_context: Context) -> Select[Any]:
    """Whether the feed shows a reversal, or even the charge, makes no difference."""
    return (
        about_charges(dispute)
        .add_columns(*dispute.c)
        .where(dispute.c.state.in_(["signal", *_KINDS]))
        .order_by(dispute.c.provider, dispute.c.ref, dispute.c.id)
    )


def _judge(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        kind, severity = _KINDS.get(row["state"], _SIGNAL)
        yield Finding(
            kind=kind,
            subject=f"chargeback:{row['provider']}/{row['ref']}/{row['id']}",
            severity=severity,
            provider=row["provider"],
            transaction_ids=(row["ref"],),
            order_id=row["order_order_id"],
            account_id=account_of(row),
            amount_minor=row["amount_minor"],
            currency=row["currency"],
            reason=row["stage"],
            policy_clause="7",
            recommendation="manual",
            explanation=_story(row),
            evidence=evidence(row) | {"chargeback_id": row["id"], "reason_code": row["reason_code"]},
        )


def _story(row: Row) -> str:
    amount, opened = money(row["amount_minor"], row["currency"]), when(row["opened_us"])
    reason = f" (reason {row['reason_code']})" if row["reason_code"] else ""
    if row["state"] == "signal":
        return f"A dispute of {amount} may come for charge {row['ref']}{reason}: a sign of it was recorded, {opened}."
    outcome = "the money is lost" if row["state"] == "lost" else row["stage"].replace("_", " ")
    return f"Charge {row['ref']} was charged back{reason}: {amount}, opened {opened}; {outcome}."


DETECTOR = Detector(("chargeback", "dispute_signal"), _candidates, _judge)
