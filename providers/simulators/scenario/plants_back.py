"""Faults in money that goes back, signs that it soon may, and records that nobody can read."""

from datetime import timedelta

from providers.simulators.scenario.catalogue import PACKS
from providers.simulators.scenario.values import TRIBUTE, Order, Review, Sale
from providers.simulators.scenario.world import World


def chargebacks(world: World) -> None:
    """Money that went back although nobody agreed to it."""
    _with_credits_left(world)
    _of_an_old_sale(world)
    _at_tribute(world)
    _of_one_period(world)


def confirmed(world: World) -> None:
    """Chargebacks that the operator was told of: nothing in the feeds shows them."""
    buyer = world.buyer()
    sale = world.sale(buyer, world.ago(days=6), currency="WMZ")
    order = world.order(sale, buyer, credits_used=sale.pack.credits)
    world.charge_back(sale, world.ago(days=2), "10.4")
    about = "the bank opened a chargeback over a DigiSeller sale whose credits are used"
    world.expect("chargeback", about, sale.ref, order=order)
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.ago(days=8), currency="EUR")
    order = world.order(purchase, buyer)
    world.charge_back(purchase, world.ago(days=1), "4837")
    about = "the bank opened a chargeback over a Tribute order, its credits partly left"
    world.expect("chargeback", about, purchase.ref, provider=TRIBUTE, order=order)


def refunds(world: World) -> None:
    """A refund that nobody decided, and decided refunds that did not happen."""
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), currency="WMZ", state=35)
    order = world.order(sale, buyer, "echo", credits_used=sale.pack.credits)
    about = "DigiSeller says that the seller began a refund, and no decision is on record"
    world.expect("unapproved_refund", about, sale.ref, order=order)
    buyer = world.buyer()
    sale = world.sale(buyer, world.ago(days=11))
    order = world.order(sale, buyer, status="refunded", updated_at=world.ago(days=9))
    about = "the shop marked the order refunded nine days ago, and DigiSeller shows no refund"
    world.expect("refund_not_executed", about, sale.ref, order=order)
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.ago(days=12), currency="EUR")
    order = world.order(purchase, buyer)
    world.approve(purchase, world.ago(days=10))
    about = "a refund approved ten days ago that Tribute does not show"
    world.expect("refund_not_executed", about, purchase.ref, provider=TRIBUTE, order=order)
    _more_than_was_paid(world)


def credits_left(world: World) -> None:
    """A refund that was decided, whose credits can still be spent."""
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently(), pack=PACKS[1])
    order = world.order(purchase, buyer, credits_used=120)
    world.approve(purchase, world.later(order.updated_at, 3_600, 7_200))
    world.refund(purchase, world.later(order.updated_at, 7_201, 9_000))
    about = "an agreed refund, but 380 credits of it can still be spent"
    world.expect("credits_not_revoked", about, purchase.ref, provider=TRIBUTE, order=order)


def signals(world: World) -> None:
    """Signs of a coming dispute on DigiSeller sales. The orders name no invoice, so that each sale is looked up."""
    sale, order = _young_sale(world)
    sale.chat_state, sale.chat_at = 2, world.ago(hours=20)
    world.expect("dispute_signal", "DigiSeller's administration opened the chat", sale.ref, order=order)
    sale, order = _young_sale(world)
    sale.code_state = 4
    world.expect("dispute_signal", "the buyer says that nothing was delivered", sale.ref, order=order)
    sale, order = _young_sale(world)
    sale.review = Review(positive=False, text="Half of the credits do not work, nobody answers.")
    world.expect("dispute_signal", "a bad review of a young sale", sale.ref, order=order)


def unreadable(world: World) -> None:
    """Records that make no sense: they are put aside, and everything else goes on."""
    sale = world.sale(world.buyer(), world.recently(), code_state=5, written_date="2026-13-45 99:00:00")
    world.expect("unreadable_record", "a DigiSeller sale with an impossible date", sale.ref)
    order = world.order(sale, world.buyer(), "nothing", status="complete?", provider=None)
    world.expect("unreadable_record", "a row of the shop with an unknown status", provider=None, order=order)


def _more_than_was_paid(world: World) -> None:
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), currency="WMZ")
    order = world.order(sale, buyer, credits_used=sale.pack.credits)
    world.approve(sale, world.ago(hours=32))
    world.refund(sale, world.ago(hours=30))
    sale.refunded_minor = sale.amount_minor + 250
    about = "a refund was agreed, and 2.50 more than the charge went back"
    world.expect("refund_exceeds_charge", about, sale.ref, order=order)


def _with_credits_left(world: World) -> None:
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), pack=PACKS[2])
    order = world.order(sale, buyer, credits_used=250)
    world.refund(sale, world.ago(hours=30))
    about = "a DigiSeller sale turned to refunded, and nobody agreed to it"
    world.expect("suspected_chargeback", about, sale.ref, order=order)
    about = "750 credits of that sale can still be spent"
    world.expect("credits_not_revoked", about, sale.ref, order=order)


def _of_an_old_sale(world: World) -> None:
    buyer = world.buyer(status="banned")
    sale = world.sale(buyer, world.since - timedelta(days=60), currency="WMZ")
    order = world.order(sale, buyer)
    world.refund(sale, world.ago(days=3))
    about = "a sale from long before the first pull, refunded now: only the sweep sees it"
    world.expect("suspected_chargeback", about, sale.ref, order=order)


def _at_tribute(world: World) -> None:
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently(), currency="USD")
    order = world.order(purchase, buyer, credits_used=purchase.pack.credits)
    world.refund(purchase, world.ago(hours=26))
    about = "a Tribute sale that was refunded without a decision, its credits all used"
    world.expect("suspected_chargeback", about, purchase.ref, provider=TRIBUTE, order=order)


def _of_one_period(world: World) -> None:
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.ago(days=12), period="weekly", pack=PACKS[0])
    world.order(purchase, buyer)
    second = world.pay(purchase, world.ago(days=5))
    order = world.order(purchase, buyer, credits_used=0, credits_taken_back=True)
    buyer.status = "suspended"
    world.refund(purchase, world.ago(days=1))
    about = "the second week of a recurring Tribute order went back"
    world.expect("suspected_chargeback", about, second, provider=TRIBUTE, order=order)


def _young_sale(world: World) -> tuple[Sale, Order]:
    buyer = world.buyer()
    sale = world.sale(buyer, world.ago(hours=world.rng.uniform(28, 44)))
    return sale, world.order(sale, buyer, "nothing")
