"""For each kind of finding: worlds in which it is found, and worlds that only look like it and stay silent."""

from dataclasses import dataclass, replace
from typing import Any

from reconciler.model import Gap, Kind, Payment, Quarantined, Signal, Status, Window
from tests.builders import (
    CREDIT,
    UUID,
    Approval,
    account,
    ago,
    charge,
    denied,
    looked_up,
    order,
    pending,
    refund,
    tribute_charge,
    tribute_look,
    tribute_order,
    unclaimed,
)


@dataclass(frozen=True)
class Example:
    """A world; `found` are (reason, transaction_ids, order_id) of the kind in question, none when it stays silent."""

    title: str
    facts: tuple[Any, ...]
    found: tuple[tuple[str | None, tuple[str, ...], str | None], ...] = ()


def _two(minutes: float = 10, **changes: Any) -> tuple[Any, ...]:
    """Two like charges, both looked up, so that nothing but delivery is open about them."""
    return (
        charge("1001"),
        charge("1002", occurred_at=ago(hours=5, minutes=-minutes), **changes),
        looked_up("1001"),
        looked_up("1002"),
    )


CREDITS = {"account_id": "acc", "credits_ordered_micro": 100 * CREDIT, "credits_micro": 100 * CREDIT}

EXAMPLES: dict[str, tuple[Example, ...]] = {
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
    "missing_charge": (
        Example("the provider denies the reference", (order(), denied()), (("unknown_reference", ("1001",), "A1"),)),
        Example("not asked yet", (order(),)),
        Example("no reference, and nothing near", (order(ref=None),), (("no_charge", (), "A1"),)),
        Example("no provider named", (order(ref=None, provider=None),)),
        Example("not delivered", (pending(), denied())),
        Example("older than the feed", (order(created_at=ago(days=31)), denied())),
        Example("newer than the feed was read", (order(ref=None, created_at=ago(minutes=40)),)),
        Example(
            "a purchase that comes by webhook only",
            (order(ref="12345", provider="tribute"), denied("12345", "tribute")),
        ),
        Example(
            "a Tribute order that the provider denies",
            (tribute_order(), denied(UUID.format(1), "tribute")),
            (("unknown_reference", (UUID.format(1),), "T1"),),
        ),
        Example("paid", (charge(), order())),
        Example(
            "the charge failed",
            (tribute_charge(status=Status.FAILED), tribute_order(), tribute_look()),
            (("not_paid", (UUID.format(1),), "T1"),),
        ),
        Example(
            "pending when it was last read, before the order changed",
            (tribute_charge(status=Status.PENDING), tribute_order(), tribute_look(read_at=ago(hours=4.95))),
        ),
        Example(
            "named by the shop's payments, failed when it was last read, before the order changed; another is older",
            (
                tribute_charge(status=Status.FAILED),
                tribute_order(ref=None),
                Payment("T1", "tribute", UUID.format(1)),
                tribute_look(read_at=ago(hours=4.95)),
                charge(),
                order(updated_at=ago(hours=20)),
            ),
        ),
        Example(
            "a payment of it waits in quarantine",
            (
                tribute_charge(),
                tribute_look(),
                tribute_order(),
                tribute_order("T2", created_at=ago(hours=4)),
                Quarantined("tribute", "tribute.transactions", f"{UUID.format(1)}:77", "unknown type", {}),
            ),
        ),
        Example("a trial owes nothing", (tribute_charge(status=Status.TRIAL), tribute_order())),
        Example(
            "two orders share a Tribute order that was paid once",
            (tribute_charge(), tribute_look(), tribute_order(), tribute_order("T2", created_at=ago(hours=4))),
            (("fewer_charges", (UUID.format(1),), "T2"),),
        ),
        Example(
            "the second of them was delivered after the last look",
            (
                tribute_charge(),
                tribute_look(read_at=ago(hours=2)),
                tribute_order(),
                tribute_order("T2", created_at=ago(hours=4), updated_at=ago(hours=1)),
            ),
        ),
    ),
    "amount_mismatch": (
        Example("a cent less", (charge(amount_minor=999), order()), (("amount", ("1001",), "A1"),)),
        Example("equal", (charge(), order())),
        Example("another currency is not compared", (charge(amount_minor=999), order(currency="EUR"))),
        Example("a unit without equivalent is not compared", (charge(amount_minor=999, currency="WMX"), order())),
        Example(
            "part payments that add up",
            (
                charge("1001", amount_minor=400),
                charge("1002", amount_minor=600),
                order(),
                Payment("A1", "digiseller", "1002"),
            ),
        ),
    ),
    "currency_mismatch": (
        Example("euro against dollar", (charge(currency="WME"), order()), (("currency", ("1001",), "A1"),)),
        Example("a unit worth a dollar", (charge(currency="WMT"), order())),
        Example("a unit without equivalent", (charge(currency="WMX"), order())),
    ),
    "product_mismatch": (
        Example("another product", (charge(product_id="78"), order()), (("product_id", ("1001",), "A1"),)),
        Example("the shop names none", (charge(product_id="78"), order(product_id=None))),
    ),
    "buyer_mismatch": (
        Example("another e-mail", (charge(buyer_email="x@example.com"), order()), (("buyer_email", ("1001",), "A1"),)),
        Example(
            "the account agrees, so the e-mail does not matter",
            (charge(buyer_email="x@example.com", account_id="acc"), order(account_id="acc"), account()),
        ),
        Example("one side states none", (charge(buyer_email=None), order())),
        Example(
            "the order's account states the e-mail",
            (charge(buyer_email="x@example.com"), order(buyer_email=None, account_id="acc"), account()),
            (("buyer_email", ("1001",), "A1"),),
        ),
    ),
    "reference_conflict": (
        Example(
            "two orders claim one charge",
            (charge(), looked_up(), order(), order("A2")),
            (("claimed_twice", ("1001",), "A1"),),
        ),
        Example(
            "a likely pair whose reference contradicts",
            (charge(), looked_up(), order(ref="9999"), denied("9999")),
            (("contradicting_reference", ("1001",), "A1"),),
        ),
        Example(
            "a contradicting reference, but another buyer",
            (charge(), looked_up(), order(ref="9999", buyer_email="x@example.com")),
        ),
        Example("one order, one charge", (charge(), order())),
        Example("orders that share a Tribute order", (tribute_charge(), tribute_order(), tribute_order("T2"))),
    ),
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
            (charge(), order(), Signal("digiseller", "1001", "bad_review", True, text="does not work")),
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
            (Gap(Window(ago(days=2), ago(days=1)), "pages shifted"),),
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
