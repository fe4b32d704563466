"""Examples of money that bought nothing or bought twice: duplicates, and goods not delivered or not fetched."""

from dataclasses import replace
from typing import Any

from reconciler.model import Payment, Status
from tests.builders import (
    CREDIT,
    UUID,
    Approval,
    ago,
    charge,
    looked_up,
    order,
    pending,
    refund,
    tribute_charge,
    tribute_order,
    unclaimed,
)
from tests.detector_example import Example


def _two(minutes: float = 10, **changes: Any) -> tuple[Any, ...]:
    """Two like charges, both looked up, so that nothing but delivery is open about them."""
    return (
        charge("1001"),
        charge("1002", occurred_at=ago(hours=5, minutes=-minutes), **changes),
        looked_up("1001"),
        looked_up("1002"),
    )


PURCHASES: dict[str, tuple[Example, ...]] = {
    "duplicate_charge": (
        Example("two charges, one delivery", (*_two(), order()), (("repeated_charge", ("1002",), "A1"),)),
        Example("exactly the window apart", (*_two(15), order()), (("repeated_charge", ("1002",), "A1"),)),
        Example("a second more than the window", (*_two(15 + 1 / 60), order())),
        Example("bought twice and got twice", (*_two(), order(), order("A2", "1002"))),
        Example(
            "delivered to the later charge: the earlier is the surplus",
            (*_two(), order("A1", "1002")),
            (("repeated_charge", ("1001",), "A1"),),
        ),
        Example(
            "none delivered: the earliest stands",
            (*_two(), pending(), pending("A2", "1002")),
            (("repeated_charge", ("1002",), "A2"),),
        ),
        Example(
            "three charges are one finding",
            (*_two(), charge("1003", occurred_at=ago(hours=4, minutes=48)), looked_up("1003"), order()),
            (("repeated_charge", ("1002", "1003"), "A1"),),
        ),
        Example("another product", (*_two(product_id="78"), order())),
        Example("another amount", (*_two(amount_minor=1001), order())),
        Example("another currency", (*_two(currency="WMT"), order())),
        Example("another buyer", (*_two(buyer_email="other@example.com"), order())),
        Example("the surplus was reversed already", (*_two(), order(), refund("1002"))),
        Example(
            "the delivered one was refunded with approval: its order passes on",
            (*_two(), order(), refund("1001"), Approval("1001")),
        ),
        Example(
            "the second is still inside the grace period",
            (
                charge("1001", occurred_at=ago(minutes=35)),
                charge("1002", occurred_at=ago(minutes=25)),
                looked_up("1001"),
                looked_up("1002"),
                order(created_at=ago(minutes=35)),
            ),
        ),
        Example(
            "the shop ties two charges to one order at any distance",
            (
                charge("1001"),
                charge("1002", occurred_at=ago(days=3), buyer_email="other@example.com"),
                order(),
                Payment("A1", "digiseller", "1002"),
            ),
            (("same_order", ("1002",), "A1"),),
        ),
        Example(
            "the same order across providers",
            (
                charge(),
                order(),
                tribute_charge(),
                replace(looked_up(UUID.format(1)), provider="tribute", echoes=("A1",)),
            ),
            (("same_order", (UUID.format(1),), "A1"),),
        ),
        Example("same buyer and amount in two providers is not enough", (charge(), order(), tribute_charge())),
        Example(
            "part payments make up the order",
            (
                charge("1001", amount_minor=400),
                charge("1002", amount_minor=600),
                order(ref=None),
                Payment("A1", "digiseller", "1001"),
                Payment("A1", "digiseller", "1002"),
            ),
        ),
        Example(
            "a one-time Tribute order charged twice",
            (
                tribute_charge(),
                tribute_charge(UUID.format(1) + ":9", occurred_at=ago(hours=1)),
                tribute_order(),
            ),
            (("same_order", (UUID.format(1) + ":9",), "T1"),),
        ),
        Example(
            "a recurring Tribute order charged for two periods",
            (
                tribute_charge(recurring=True, occurred_at=ago(days=28)),
                tribute_charge(UUID.format(1) + ":9", recurring=True),
                tribute_order(created_at=ago(days=28)),
                tribute_order("T2"),
            ),
        ),
    ),
    "undelivered_order": (
        Example("no order at all", (charge(), looked_up()), (("no_order", ("1001",), None),)),
        Example(
            "an order that was not delivered", (charge(), looked_up(), pending()), (("not_fulfilled", ("1001",), "A1"),)
        ),
        Example(
            "a cancelled order",
            (charge(), looked_up(), pending(status="cancelled")),
            (("not_fulfilled", ("1001",), "A1"),),
        ),
        Example(
            "fewer credits than ordered",
            (charge(), order(credits_ordered_micro=100 * CREDIT, credits_micro=40 * CREDIT)),
            (("partly_delivered", ("1001",), "A1"),),
        ),
        Example("delivered", (charge(), looked_up(), order())),
        Example("delivered although the code was not presented", (charge(), unclaimed(), order())),
        Example("inside the grace period", (charge(occurred_at=ago(minutes=29)), looked_up())),
        Example(
            "exactly the grace period old",
            (charge(occurred_at=ago(minutes=30)), looked_up()),
            (("no_order", ("1001",), None),),
        ),
        Example("nobody presented the code", (charge(), unclaimed())),
        Example("the code was not looked up yet", (charge(),)),
        Example("reversed", (charge(), looked_up(), refund())),
        Example("a refund was begun", (charge(), looked_up(), refund(status=Status.INITIATED, seller_started=True))),
        Example("marked refunded by the shop", (charge(), looked_up(), pending(status="refunded"))),
        *(
            Example(f"{status} is not paid", (tribute_charge(status=status),))
            for status in (Status.PENDING, Status.FAILED, Status.PREPAID, Status.TRIAL, Status.UNKNOWN)
        ),
        Example(
            "delivered under another reference: the fallback finds it",
            (charge(), looked_up(), order(ref=None, created_at=ago(hours=4.5))),
        ),
        Example(
            "too far for the fallback",
            (charge(), looked_up(), order(ref=None, created_at=ago(hours=3.9), provider=None)),
            (("no_order", ("1001",), None),),
        ),
        Example(
            "a recurring charge beyond its orders",
            (
                tribute_charge(recurring=True, occurred_at=ago(days=20)),
                tribute_charge(UUID.format(1) + ":9", recurring=True),
                tribute_order(created_at=ago(days=20)),
            ),
            (("no_order", (UUID.format(1) + ":9",), None),),
        ),
    ),
    "unclaimed_order": (
        Example(
            "a day old", (charge(occurred_at=ago(hours=25)), unclaimed()), (("code_not_presented", ("1001",), None),)
        ),
        Example("younger than a day", (charge(), unclaimed())),
        Example("presented", (charge(occurred_at=ago(hours=25)), looked_up())),
        Example("delivered all the same", (charge(occurred_at=ago(hours=25)), unclaimed(), order())),
        Example("reversed", (charge(occurred_at=ago(hours=25)), unclaimed(), refund())),
    ),
}
