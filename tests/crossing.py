"""Small worlds in which several rules meet: how they are written, and how what was found in them is told in lines."""

from dataclasses import dataclass
from typing import Any

from reconciler.model import Payment
from tests.builders import ago, charge, looked_up


@dataclass(frozen=True)
class Crossing:
    """Facts, and everything that is found in them: a line for each finding, as `told` writes it."""

    title: str
    facts: tuple[Any, ...]
    found: tuple[str, ...] = ()


def told(finding: dict[str, Any]) -> str:
    """A finding in one line: `duplicate_charge(same_order) 1002 of A1, kept 1001, refundable 10.00`."""
    charges = " ".join(finding["transaction_ids"]) or "no charge"
    line = f"{finding['kind']}({finding['reason']}) {charges} of {finding['order_id'] or 'no order'}"
    if finding["related_transaction_ids"]:
        line += f", kept {' '.join(finding['related_transaction_ids'])}"
    if finding["recommendation"] in {"refund", "deliver"}:
        line += f", refundable {finding['refundable_amount'] or 'unknown'}"
    return line


def paid(ref: str, amount_minor: int = 1000, after: float = 0, **changes: Any) -> tuple[Any, ...]:
    """A charge five hours old less `after` minutes, and the look at it."""
    return charge(ref, amount_minor=amount_minor, occurred_at=ago(hours=5, minutes=-after), **changes), looked_up(ref)


def tied(*refs: str, to: str = "A1") -> tuple[Payment, ...]:
    """The shop's own ties of charges to an order."""
    return tuple(Payment(to, "digiseller", ref) for ref in refs)
