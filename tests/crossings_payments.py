"""Worlds of purchases paid in parts, paid again, and both at once."""

from reconciler.model import Status
from tests.builders import (
    UUID,
    Approval,
    ago,
    looked_up,
    order,
    pending,
    refund,
    tribute_charge,
    tribute_order,
    unclaimed,
)
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
    Crossing(
        "three charges, the delivered one refunded with approval: its order passes to the next, the last is surplus",
        (
            *paid("1001"),
            *paid("1002", after=5),
            *paid("1003", after=10),
            order(),
            refund("1001"),
            Approval("1001"),
        ),
        ("duplicate_charge(repeated_charge) 1003 of A1, kept 1002, refundable 10.00",),
    ),
    Crossing(
        "the order passes to a charge whose own order was not delivered",
        (*paid("1001"), *paid("1002", after=5), order(), pending("A2", "1002"), refund("1001"), Approval("1001")),
    ),
    Crossing(
        "the delivered charge went back without a decision: the other one got nothing",
        (*paid("1001"), *paid("1002", after=5), order(), refund("1001")),
        (
            "suspected_chargeback(completed) 1001 of A1",
            "undelivered_order(no_order) 1002 of no order, refundable 10.00",
        ),
    ),
    Crossing(
        "the order's other charge pays for it already: it does not pass to a third",
        (
            *paid("1001"),
            *paid("1002", after=100),
            *paid("1003", after=5),
            order(),
            *tied("1002"),
            refund("1001"),
            Approval("1001"),
        ),
        ("undelivered_order(no_order) 1003 of no order, refundable 10.00",),
    ),
    Crossing(
        "the surplus was never presented: surplus comes before unclaimed",
        (*paid("1001"), *paid("1002", after=5), unclaimed("1002"), order()),
        ("duplicate_charge(repeated_charge) 1002 of A1, kept 1001, refundable 10.00",),
    ),
    Crossing(
        "a Tribute order paid three times and shared by two orders: the last payment is the last order's surplus",
        (
            tribute_charge(),
            tribute_charge(f"{T1}:8", occurred_at=ago(hours=4)),
            tribute_charge(f"{T1}:9", occurred_at=ago(hours=3)),
            tribute_order(),
            tribute_order("T2", created_at=ago(hours=4)),
        ),
        (f"duplicate_charge(same_order) {T1}:9 of T2, kept {T1}:8, refundable 10.00",),
    ),
    Crossing(
        "a recurring Tribute order with more periods paid than orders",
        (
            *(
                tribute_charge(T1 + suffix, recurring=True, occurred_at=ago(days=days))
                for suffix, days in (("", 21), (":8", 14), (":9", 7))
            ),
            tribute_order(created_at=ago(days=21)),
            tribute_order("T2", created_at=ago(days=14)),
        ),
        (f"undelivered_order(no_order) {T1}:9 of no order, refundable 10.00",),
    ),
    Crossing(
        "the first try at a Tribute order failed, the second was paid",
        (
            tribute_charge(status=Status.FAILED),
            tribute_charge(f"{T1}:9", occurred_at=ago(hours=4)),
            tribute_order(),
        ),
    ),
    Crossing(
        "the same e-mail, but two Telegram ids: two buyers",
        (*paid("1001", telegram_user_id="7"), *paid("1002", after=5, telegram_user_id="8"), order()),
        ("undelivered_order(no_order) 1002 of no order, refundable 10.00",),
    ),
    Crossing(
        "only one of them states a Telegram id: the e-mail decides",
        (*paid("1001", telegram_user_id="7"), *paid("1002", after=5), order()),
        ("duplicate_charge(repeated_charge) 1002 of A1, kept 1001, refundable 10.00",),
    ),
    Crossing(
        "two orders near two charges without references, one of them delivered",
        (*paid("1001"), *paid("1002", after=10), order(ref=None), pending("A2", None)),
        ("duplicate_charge(repeated_charge) 1002 of A2, kept 1001, refundable 10.00",),
    ),
)
