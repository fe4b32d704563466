"""Worlds of deliveries in part, of refunded orders, and of orders whose payment is not to be found."""

from reconciler.model import Payment
from tests.builders import CREDIT, UUID, account, denied, order, pending, tribute_order
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
)
