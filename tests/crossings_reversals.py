"""Worlds of money that went back: of part payments, of disputed and refunded orders, and of purchases paid twice."""

from tests.builders import ago, charge, looked_up, order, pending, refund
from tests.crossing import Crossing, tied


def old(ref: str, amount_minor: int = 1000, after: float = 0) -> tuple[object, ...]:
    """A charge ten days old less `after` minutes, and the look at it."""
    return charge(ref, amount_minor=amount_minor, occurred_at=ago(days=10, minutes=-after)), looked_up(ref)


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
)
