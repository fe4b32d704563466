"""Worlds of deliveries in part, of refunded orders, and of orders whose payment is not to be found."""

from reconciler.model import Payment, Status
from tests.builders import (
    CREDIT,
    UUID,
    account,
    ago,
    charge,
    denied,
    looked_up,
    order,
    pending,
    tribute_charge,
    tribute_look,
    tribute_order,
    unclaimed,
)
from tests.crossing import Crossing, paid, tied

T1 = UUID.format(1)
PARTLY = {"account_id": "acc", "credits_ordered_micro": 100 * CREDIT, "credits_micro": 40 * CREDIT}

CROSSINGS = (
    Crossing(
        "delivered in part, nothing of it used: all of the charge may go back",
        (*paid("1001"), order(**PARTLY, credits_used_micro=0), account(balance_micro=40 * CREDIT)),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable 10.00",),
    ),
    Crossing(
        "delivered in part, a quarter of it used",
        (*paid("1001"), order(**PARTLY, credits_used_micro=10 * CREDIT), account(balance_micro=30 * CREDIT)),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable 7.50",),
    ),
    Crossing(
        "delivered in part, and the account has less left than this order leaves unused",
        (*paid("1001"), order(**PARTLY, credits_used_micro=10 * CREDIT), account(balance_micro=4 * CREDIT)),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable 1.00",),
    ),
    Crossing(
        "delivered in part, and the account is empty",
        (*paid("1001"), order(**PARTLY, credits_used_micro=0), account(balance_micro=0)),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable 0.00",),
    ),
    Crossing(
        "delivered in part, and the shop does not say what was used",
        (*paid("1001"), order(**PARTLY), account()),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable unknown",),
    ),
    Crossing(
        "marked delivered without a single credit: nothing was delivered for the charge",
        (*paid("1001"), order(**PARTLY | {"credits_micro": 0}), account(balance_micro=0)),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable 10.00",),
    ),
    Crossing(
        "delivered, refunded since, and the provider knows no such payment",
        (order(status="refunded"), denied()),
        ("missing_charge(unknown_reference) 1001 of A1",),
    ),
    Crossing("refunded without a delivery, and never paid", (pending(status="refunded"), denied())),
    Crossing(
        "tied to a payment by the shop alone, and the provider knows no such payment",
        (order(ref=None), *tied("1001"), denied()),
        ("missing_charge(unknown_reference) 1001 of A1",),
    ),
    Crossing("tied to a payment by the shop alone, of which nobody was asked yet", (order(ref=None), *tied("1001"))),
    Crossing(
        "two payments of one order, one of them not asked for yet",
        (order(ref=None), *tied("1001", "1002"), denied()),
    ),
    Crossing(
        "two payments of one order, both unknown to the provider",
        (order(ref=None), *tied("1001", "1002"), denied(), denied("1002")),
        ("missing_charge(unknown_reference) 1001 1002 of A1",),
    ),
    Crossing(
        "one payment of two is known: it pays for the order, and the amounts differ",
        (*paid("1001", 400), order(ref=None), *tied("1001", "1002"), denied("1002")),
        ("amount_mismatch(amount) 1001 of A1",),
    ),
    Crossing(
        "a Tribute order tied to a payment by the shop alone, unknown to Tribute",
        (tribute_order(ref=None), Payment("T1", "tribute", T1), denied(T1, "tribute")),
        (f"missing_charge(unknown_reference) {T1} of T1",),
    ),
    Crossing(
        "a Tribute purchase that comes by webhook only, tied by the shop alone",
        (tribute_order(ref=None), Payment("T1", "tribute", "12345"), denied("12345", "tribute")),
    ),
    Crossing(
        "an order that names no provider, and one charge has its reference",
        (*paid("1001"), order(provider=None)),
    ),
    Crossing(
        "an order that names no provider, and charges of two providers have its reference: none is paired silently",
        (
            *paid("1001"),
            charge("1001", provider="tribute", currency="USD", buyer_email="other@example.com"),
            order(provider=None),
        ),
        (
            "reference_conflict(contradicting_reference) 1001 of A1",
            "undelivered_order(no_order) 1001 of no order, refundable 10.00",
        ),
    ),
    Crossing(
        "two delivered orders for a recurring Tribute order that was paid for one period",
        (
            tribute_charge(recurring=True, occurred_at=ago(days=20)),
            tribute_order(created_at=ago(days=20)),
            tribute_order("T2", created_at=ago(days=13)),
            tribute_look(),
        ),
        (f"missing_charge(fewer_charges) {T1} of T2",),
    ),
    Crossing(
        "prepaid is not paid: the shop delivered too early",
        (tribute_charge(status=Status.PREPAID), tribute_order(), tribute_look()),
        (f"missing_charge(not_paid) {T1} of T1",),
    ),
    Crossing(
        "a code nobody presented, and the shop cancelled the order",
        (charge(occurred_at=ago(hours=30)), unclaimed(), pending(status="cancelled", created_at=ago(hours=30))),
        ("unclaimed_order(code_not_presented) 1001 of A1",),
    ),
    Crossing(
        "a code nobody presented, and half of the credits were granted all the same",
        (charge(occurred_at=ago(hours=30)), unclaimed(), order(**PARTLY, created_at=ago(hours=30))),
        ("undelivered_order(partly_delivered) 1001 of A1, refundable unknown",),
    ),
    Crossing(
        "the shop ties a charge to an order that it does not have",
        (*paid("1001"), *tied("1001", to="A404")),
        ("undelivered_order(no_order) 1001 of no order, refundable 10.00",),
    ),
    Crossing(
        "the provider echoes the account and the order: no field is left to differ",
        (
            *paid("1001"),
            looked_up("1001", echoes=("A1", "acc")),
            order(ref=None, account_id="acc", buyer_email="other@example.com"),
            account(),
        ),
    ),
)
