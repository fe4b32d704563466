"""Worlds of purchases paid in parts, paid again, and both at once."""

from tests.builders import UUID, Approval, looked_up, order, pending, refund, tribute_charge
from tests.crossing import Crossing, paid, tied

T1 = UUID.format(1)

CROSSINGS = (
    Crossing(
        "equal part payments of an order that was not delivered: the delivery is missing, no payment is surplus",
        (*paid("1001", 500), *paid("1002", 500, after=5), pending(ref=None), *tied("1001", "1002")),
        (
            "undelivered_order(not_fulfilled) 1001 of A1, refundable 5.00",
            "undelivered_order(not_fulfilled) 1002 of A1, refundable 5.00",
        ),
    ),
    Crossing(
        "equal part payments, and the same once more: the third is the surplus",
        (
            *paid("1001", 500),
            *paid("1002", 500, after=5),
            *paid("1003", 500, after=10),
            order(ref=None),
            *tied("1001", "1002", "1003"),
        ),
        ("duplicate_charge(same_order) 1003 of A1, kept 1001, refundable 5.00",),
    ),
    Crossing(
        "the third equal payment is tied to nothing",
        (
            *paid("1001", 500),
            *paid("1002", 500, after=5),
            *paid("1003", 500, after=10),
            order(ref=None),
            *tied("1001", "1002"),
        ),
        ("duplicate_charge(repeated_charge) 1003 of A1, kept 1001, refundable 5.00",),
    ),
    Crossing(
        "a part paid twice: 6 and 4 make up the order, the second 6 is the surplus",
        (
            *paid("1001", 600),
            *paid("1002", 600, after=20),
            *paid("1003", 400, after=40),
            order(ref=None),
            *tied("1001", "1002", "1003"),
        ),
        ("duplicate_charge(same_order) 1002 of A1, kept 1001, refundable 6.00",),
    ),
    Crossing(
        "a part paid twice and the second one given back: the rest adds up",
        (
            *paid("1001", 600),
            *paid("1002", 600, after=20),
            *paid("1003", 400, after=40),
            order(ref=None),
            *tied("1001", "1002", "1003"),
            refund("1002", amount_minor=600),
            Approval("1002", 600),
        ),
    ),
    Crossing(
        "one of two part payments given back with approval: what was paid had added up",
        (
            *paid("1001", 400),
            *paid("1002", 600, after=20),
            order(ref=None),
            *tied("1001", "1002"),
            refund("1001", amount_minor=400),
            Approval("1001", 400),
        ),
    ),
    Crossing(
        "part payments that fall short: the amounts differ, nothing is surplus",
        (*paid("1001", 300), *paid("1002", 600, after=20), order(ref=None), *tied("1001", "1002")),
        ("amount_mismatch(amount) 1001 of A1", "amount_mismatch(amount) 1002 of A1"),
    ),
    Crossing(
        "the whole amount after a part of it: the part is the surplus",
        (*paid("1001", 400), *paid("1002", 1000, after=20), order(ref=None), *tied("1001", "1002")),
        ("duplicate_charge(same_order) 1001 of A1, kept 1002, refundable 4.00",),
    ),
    Crossing(
        "the order names the smaller of two charges: that one was delivered",
        (*paid("1001", 1000), *paid("1002", 400, after=20), order(ref="1002"), *tied("1001")),
        (
            "duplicate_charge(same_order) 1001 of A1, kept 1002, refundable 10.00",
            "amount_mismatch(amount) 1002 of A1",
        ),
    ),
    Crossing(
        "three charges of one purchase, tied by the order and by closeness: one finding",
        (
            *paid("1001"),
            *paid("1002", after=5),
            *paid("1003", after=10),
            order(),
            *tied("1002"),
        ),
        ("duplicate_charge(same_order) 1002 1003 of A1, kept 1001, refundable 20.00",),
    ),
    Crossing(
        "the earliest of three is tied to nothing: one finding all the same",
        (
            *paid("1001"),
            *paid("1002", after=5),
            *paid("1003", after=10),
            order(ref="1002"),
            *tied("1003"),
        ),
        ("duplicate_charge(same_order) 1001 1003 of A1, kept 1002, refundable 20.00",),
    ),
    Crossing(
        "two orders, each paid twice within minutes: two purchases",
        (
            *paid("1001"),
            *paid("1002", after=2),
            *paid("1003", after=4),
            *paid("1004", after=6),
            order(),
            order("A2", "1003"),
            *tied("1002"),
            *tied("1004", to="A2"),
        ),
        (
            "duplicate_charge(same_order) 1002 of A1, kept 1001, refundable 10.00",
            "duplicate_charge(same_order) 1004 of A2, kept 1003, refundable 10.00",
        ),
    ),
    Crossing(
        "paid in two providers and again at one: a finding for each currency",
        (
            *paid("1001"),
            *paid("1002", after=5),
            order(),
            tribute_charge(),
            looked_up(T1, provider="tribute", echoes=("A1",)),
        ),
        (
            "duplicate_charge(repeated_charge) 1002 of A1, kept 1001, refundable 10.00",
            f"duplicate_charge(same_order) {T1} of A1, kept 1001, refundable 10.00",
        ),
    ),
)
