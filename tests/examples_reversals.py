"""Examples of money that went back, of what foretells it, and of what could not be read."""

from reconciler.model import Gap, Kind, Payment, Quarantined, Signal, Status, Window
from tests.builders import (
    CREDIT,
    Approval,
    account,
    ago,
    charge,
    order,
    refund,
)
from tests.detector_example import Example

CREDITS = {"account_id": "acc", "credits_ordered_micro": 100 * CREDIT, "credits_micro": 100 * CREDIT}

REVERSALS: dict[str, tuple[Example, ...]] = {
    "suspected_chargeback": (
        Example("money went back unexplained", (charge(), order(), refund()), (("completed", ("1001",), "A1"),)),
        Example("an approval is on record", (charge(), order(), refund(), Approval())),
        Example("the shop marks the order refunded", (charge(), order(status="refunded"), refund())),
        Example(
            "one approval, and the money went back twice",
            (charge(), order(), refund(), Approval(), refund(ref="1001:again", occurred_at=ago(hours=1))),
            (("completed", ("1001",), "A1"),),
        ),
        Example(
            "the shop's mark approves the charge once",
            (charge(), order(status="refunded"), refund(), refund(ref="1001:again", occurred_at=ago(hours=1))),
            (("completed", ("1001",), "A1"),),
        ),
        Example(
            "two parts, of which one approval covers the first",
            (
                charge(),
                order(),
                Approval(amount_minor=500),
                refund(amount_minor=400),
                refund(ref="1001:again", amount_minor=400, occurred_at=ago(hours=1)),
            ),
            (("completed", ("1001",), "A1"),),
        ),
        Example(
            "more than the one part that was approved",
            (charge(), order(), Approval(amount_minor=300), refund(amount_minor=400)),
            (("completed", ("1001",), "A1"),),
        ),
        Example(
            "two approvals cover two parts, whichever was first",
            (
                charge(),
                order(),
                Approval(amount_minor=300),
                Approval(amount_minor=500),
                refund(amount_minor=400),
                refund(ref="1001:again", amount_minor=400, occurred_at=ago(hours=1)),
            ),
        ),
        Example(
            "the provider shows the whole charge for an approved part",
            (charge(), order(), Approval(amount_minor=300), refund()),
        ),
        Example("approved before the charge was read", (Approval(amount_minor=300), refund())),
        Example(
            "approved in a currency that cannot be compared",
            (charge(), order(), Approval(amount_minor=300, currency="EUR"), refund(amount_minor=400)),
        ),
        Example("the seller started it", (charge(), order(), refund(seller_started=True))),
        Example(
            "it was withdrawn", (charge(), order(), refund(status=Status.INITIATED), refund(status=Status.WITHDRAWN))
        ),
    ),
    "chargeback": (
        Example(
            "the provider's word", (charge(), order(), refund(kind=Kind.CHARGEBACK)), (("completed", ("1001",), "A1"),)
        ),
        Example("a refund is none", (charge(), order(), refund())),
    ),
    "unapproved_refund": (
        Example(
            "started by the seller without a decision",
            (charge(), order(), refund(seller_started=True)),
            (("completed", ("1001",), "A1"),),
        ),
        Example(
            "begun and not finished",
            (charge(), order(), refund(status=Status.INITIATED, seller_started=True)),
            (("initiated", ("1001",), "A1"),),
        ),
        Example("approved", (charge(), order(), refund(seller_started=True), Approval())),
        Example("not started by the seller", (charge(), order(), refund())),
    ),
    "refund_not_executed": (
        Example(
            "approved eight days ago",
            (charge(), order(), Approval(recorded_at=ago(days=8))),
            (("no_reversal", ("1001",), "A1"),),
        ),
        Example(
            "two approvals of one charge are one finding",
            (
                charge(),
                order(),
                Approval(amount_minor=300, recorded_at=ago(days=8)),
                Approval(amount_minor=400, recorded_at=ago(days=9)),
            ),
            (("no_reversal", ("1001",), "A1"),),
        ),
        Example(
            "approved for a charge that was never seen",
            (Approval(recorded_at=ago(days=8)),),
            (("no_reversal", ("1001",), None),),
        ),
        Example("approved six days ago", (charge(), order(), Approval(recorded_at=ago(days=6)))),
        Example("executed", (charge(), order(), Approval(recorded_at=ago(days=8)), refund())),
        Example(
            "the shop marked it refunded eight days ago",
            (charge(occurred_at=ago(days=9)), order(status="refunded", updated_at=ago(days=8))),
            (("no_reversal", ("1001",), "A1"),),
        ),
    ),
    "refund_exceeds_charge": (
        Example(
            "a cent more",
            (charge(), order(), refund(amount_minor=1001), Approval()),
            (("over_refunded", ("1001",), "A1"),),
        ),
        Example(
            "a cent more, in two names of one currency",
            (
                charge(currency="RUR"),
                order(currency="RUB"),
                refund(currency="RUR"),
                refund(ref="1001:more", currency="RUB", amount_minor=1),
                Approval(),
            ),
            (("over_refunded", ("1001",), "A1"),),
        ),
        Example(
            "as much in money that compares with nothing",
            (charge(), order(), refund(), refund(ref="1001:more", currency="WMX", amount_minor=1), Approval()),
        ),
        Example("exactly the charge", (charge(), order(), refund(), Approval())),
        Example("only begun", (charge(), order(), refund(amount_minor=1001, status=Status.INITIATED), Approval())),
    ),
    "credits_not_revoked": (
        Example(
            "still spendable",
            (charge(), order(**CREDITS, credits_used_micro=0), account(), refund()),
            (("credits_spendable", ("1001",), "A1"),),
        ),
        Example("suspended account", (charge(), order(**CREDITS), account(status="suspended"), refund())),
        Example("nothing left", (charge(), order(**CREDITS), account(balance_micro=0), refund())),
        Example("all used", (charge(), order(**CREDITS, credits_used_micro=100 * CREDIT), account(), refund())),
        Example("only begun", (charge(), order(**CREDITS), account(), refund(status=Status.INITIATED))),
        Example(
            "the balance comes from another order",
            (
                charge(),
                charge("1002", occurred_at=ago(days=2)),
                order(**CREDITS, status="refunded", credits_used_micro=0),
                order("A2", "1002", **CREDITS, credits_used_micro=0),
                account(),
                refund(),
            ),
        ),
        Example(
            "another standing charge pays for the order",
            (charge(), charge("1002"), order(**CREDITS), Payment("A1", "digiseller", "1002"), account(), refund()),
        ),
    ),
    "dispute_signal": (
        Example(
            "the administration opened the chat",
            (charge(), order(), Signal("digiseller", "1001", "chat_by_administration", True)),
            (("chat_by_administration", ("1001",), "A1"),),
        ),
        Example(
            "a bad review on a young sale",
            (charge(), order(), Signal("digiseller", "1001", "bad_review", True, text="не работает")),
            (("bad_review", ("1001",), "A1"),),
        ),
        Example(
            "a bad review on an old sale",
            (charge(occurred_at=ago(days=16)), order(), Signal("digiseller", "1001", "bad_review", True)),
        ),
        Example(
            "a review taken back",
            (
                charge(),
                order(),
                Signal("digiseller", "1001", "bad_review", True, text="bad"),
                Signal("digiseller", "1001", "bad_review", False),
            ),
        ),
    ),
    "feed_gap": (
        Example(
            "pages that could not be read",
            (Gap(Window(ago(days=2), ago(days=1)), "the list has more than 500 pages"),),
            (("pages_missing", (), None),),
        ),
        Example("no gap", (charge(), order())),
    ),
    "unreadable_record": (
        Example(
            "a shop row",
            (Quarantined("shop", "shop.orders", "A7", "unknown status 'lost'", {"order_id": "A7"}),),
            (("not_understood", (), "A7"),),
        ),
        Example("all understood", (charge(), order())),
    ),
}
