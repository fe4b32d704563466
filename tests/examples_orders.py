"""Examples of orders without money, and of charges and orders that contradict each other."""

from reconciler.model import Payment, Quarantined, Status
from tests.builders import (
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
)
from tests.detector_example import Example

ORDERS: dict[str, tuple[Example, ...]] = {
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
}
