"""Worlds of deliveries in part, of refunded orders, and of orders whose payment is not to be found."""

from tests.builders import CREDIT, account, denied, order, pending
from tests.crossing import Crossing, paid

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
)
