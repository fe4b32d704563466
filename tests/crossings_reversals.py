"""Worlds of money that went back: of part payments, of disputed and refunded orders, and of purchases paid twice."""

from dataclasses import replace
from typing import Any

from reconciler.model import Kind, Status, Transaction
from tests.builders import Approval, ago, charge, looked_up, order, pending, refund
from tests.crossing import Crossing, tied


def old(ref: str, amount_minor: int = 1000, after: float = 0) -> tuple[Any, ...]:
    """A charge ten days old less `after` minutes, and the look at it."""
    return charge(ref, amount_minor=amount_minor, occurred_at=ago(days=10, minutes=-after)), looked_up(ref)


def chargeback() -> Transaction:
    """The whole charge, taken back by the bank."""
    return replace(refund(kind=Kind.CHARGEBACK), ref="1001:chargeback")


MARKED = {"status": "refunded", "updated_at": ago(days=8), "created_at": ago(days=10)}

CROSSINGS = (
    Crossing(
        "a refunded order paid in two parts, of which one went back: the other is due",
        (
            *old("1001", 400),
            *old("1002", 600, after=20),
            order(ref=None, **MARKED),
            *tied("1001", "1002"),
            refund("1001", amount_minor=400),
        ),
        ("refund_not_executed(no_reversal) 1002 of A1, refundable 6.00",),
    ),
    Crossing(
        "a refunded order paid in two parts, and both went back",
        (
            *old("1001", 400),
            *old("1002", 600, after=20),
            order(ref=None, **MARKED),
            *tied("1001", "1002"),
            refund("1001", amount_minor=400),
            refund("1002", amount_minor=600),
        ),
    ),
    Crossing(
        "a refunded order paid twice, of which one went back: the order's refund was made",
        (
            *old("1001"),
            *old("1002", after=20),
            order(**MARKED),
            *tied("1002"),
            refund("1002"),
        ),
    ),
    Crossing(
        "a refunded order paid twice, and nothing went back: one refund is due, and the surplus is its own finding",
        (*old("1001"), *old("1002", after=20), order(**MARKED), *tied("1002")),
        (
            "refund_not_executed(no_reversal) 1001 of A1, refundable 10.00",
            "duplicate_charge(same_order) 1002 of A1, kept 1001, refundable 10.00",
        ),
    ),
    Crossing(
        "two orders claim a charge that went back, one of them refunded: the shop explains it",
        (*old("1001"), order(**MARKED), pending("A2"), refund("1001")),
    ),
    Crossing(
        "two orders claim a charge that went back, none of them refunded",
        (*old("1001"), order(), pending("A2"), refund("1001")),
        ("suspected_chargeback(completed) 1001 of no order",),
    ),
    Crossing(
        "money of a charge that was not read yet went back, and the order that names it is refunded",
        (order(ref="5000", status="refunded"), refund("5000")),
    ),
    Crossing(
        "money of a charge that was not read yet went back, and the order that names it is not refunded",
        (order(ref="5000"), refund("5000")),
        ("suspected_chargeback(completed) 5000 of no order",),
    ),
    Crossing(
        "an approval above the charge: no more than the charge may go back",
        (*old("1001"), order(created_at=ago(days=10)), Approval("1001", 5000, ago(days=8))),
        ("refund_not_executed(no_reversal) 1001 of A1, refundable 10.00",),
    ),
    Crossing(
        "a refund with approval and a chargeback of the same charge: the money left twice",
        (*old("1001"), order(), refund(), chargeback(), Approval()),
        ("chargeback(completed) 1001 of A1", "refund_exceeds_charge(over_refunded) 1001 of A1"),
    ),
    Crossing(
        "a chargeback of a refunded order is still a chargeback",
        (*old("1001"), order(**MARKED), chargeback()),
        ("chargeback(completed) 1001 of A1",),
    ),
    Crossing(
        "a part of an undelivered charge went back: only the reversal is judged",
        (*old("1001"), pending(), refund(amount_minor=300), Approval(amount_minor=300)),
    ),
    Crossing(
        "a refund was begun and withdrawn: the charge is undelivered again",
        (*old("1001"), refund(status=Status.INITIATED), refund(status=Status.WITHDRAWN)),
        ("undelivered_order(no_order) 1001 of no order, refundable 10.00",),
    ),
    Crossing(
        "two refunds that are more than the charge together",
        (
            *old("1001"),
            order(),
            refund(amount_minor=600),
            replace(refund(amount_minor=600), ref="1001:second"),
            Approval(),
        ),
        ("refund_exceeds_charge(over_refunded) 1001 of A1",),
    ),
)
