"""Faults in charges and deliveries: paid twice, not delivered, never paid, or not what the order says."""

from datetime import timedelta

from providers.simulators.scenario.catalogue import CARD, PACKS
from providers.simulators.scenario.values import DIGISELLER, TRIBUTE, Order, Purchase, Sale
from providers.simulators.scenario.world import World


def duplicates(world: World) -> None:
    """One purchase that was paid more than once, by every kind of evidence."""
    _two_invoices(world)
    _three_charges(world)
    _one_order_charged_twice(world)
    _across_providers(world)
    _same_order_reference(world)


def undelivered(world: World) -> None:
    """Paid and not delivered: no order, not fulfilled, only in part."""
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), currency="WMZ", code_state=5)
    _lacking(world, "a DigiSeller code was presented, but the shop made no order", sale, None, "no_order")
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently(), currency="EUR")
    _lacking(world, "a paid Tribute order that the shop never noticed", purchase, None, "no_order")
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), code_state=5)
    order = world.order(sale, buyer, status="pending")
    _lacking(world, "the shop's order for a DigiSeller sale stayed pending", sale, order, "not_fulfilled")
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently())
    order = world.order(purchase, buyer, status="cancelled")
    _lacking(world, "the shop cancelled an order that Tribute was paid for", purchase, order, "not_fulfilled")
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), pack=PACKS[2])
    order = world.order(sale, buyer, credits=600, credits_used=100)
    _lacking(world, "600 of 1,000 credits were granted", sale, order, "partly_delivered")


def unclaimed(world: World) -> None:
    """A DigiSeller code that the buyer has not presented for two days."""
    sale = world.sale(world.buyer(), world.ago(hours=50), code_state=1)
    world.expect("unclaimed_order", "a code that nobody has presented for two days", sale.ref)


def missing(world: World) -> None:
    """Deliveries that no charge at the provider pays for."""
    buyer = world.buyer()
    ghost = world.sale(buyer, world.recently())
    order = world.order(ghost, buyer)
    del world.sales[ghost.invoice]
    world.expect("missing_charge", "delivered for an invoice that DigiSeller does not know", ghost.ref, order=order)
    buyer = world.buyer()
    order = world.order(ghost, buyer, "nothing", created_at=world.recently())
    world.expect("missing_charge", "delivered without any reference, and nobody paid", order=order)
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently(), currency="USD")
    first = world.order(purchase, buyer)
    order = world.order(purchase, buyer, created_at=first.created_at + timedelta(hours=3))
    about = "two deliveries share one Tribute order that was paid once"
    world.expect("missing_charge", about, purchase.ref, provider=TRIBUTE, order=order)


def mismatches(world: World) -> None:
    """Pairs tied by a reference in which one field differs."""
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), pack=PACKS[0])
    order = world.order(sale, buyer, amount_minor=45_000)
    world.expect("amount_mismatch", "490 roubles were paid for an order of 450", sale.ref, order=order)
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), currency="WMZ")
    order = world.order(sale, buyer, currency="EUR")
    world.expect("currency_mismatch", "paid in WMZ, which is dollars, for an order in euros", sale.ref, order=order)
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), pack=PACKS[1])
    order = world.order(sale, buyer, product_id=str(CARD.product_id))
    world.expect("product_mismatch", "the order names another product than the sale", sale.ref, order=order)
    buyer, other = world.buyer(), world.buyer()
    sale = world.sale(buyer, world.recently())
    order = world.order(sale, other)
    world.expect("buyer_mismatch", "credited to the account of another e-mail", sale.ref, order=order)
    buyer, other = world.buyer(telegram=True), world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently())
    order = world.order(purchase, other)
    about = "Tribute gives back another account than the order's"
    world.expect("buyer_mismatch", about, purchase.ref, provider=TRIBUTE, order=order)


def conflicts(world: World) -> None:
    """References that contradict: nothing may be paired silently. The first order by its id stands for all."""
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently())
    first = world.order(sale, buyer)
    world.order(sale, buyer, created_at=first.created_at + timedelta(minutes=7))
    world.expect("reference_conflict", "two orders claim one DigiSeller invoice", sale.ref, order=first)
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), currency="WMT", code_state=5)
    order = world.order(sale, buyer, provider_ref=str(sale.invoice + 900_000_000))
    about = "buyer, money and time fit, but the order names an invoice that does not exist"
    world.expect("reference_conflict", about, sale.ref, order=order)


def _two_invoices(world: World) -> None:
    buyer = world.buyer()
    kept = world.sale(buyer, world.recently())
    order = world.order(kept, buyer)
    surplus = world.sale(buyer, kept.paid_at + timedelta(seconds=36), pack=kept.pack, code_state=1)
    about = "two DigiSeller invoices 36 seconds apart, one delivery"
    world.expect("duplicate_charge", about, surplus.ref, order=order)


def _three_charges(world: World) -> None:
    buyer = world.buyer()
    first = world.sale(buyer, world.recently(), currency="WMZ", code_state=1)
    second = world.sale(buyer, first.paid_at + timedelta(minutes=4), currency="WMZ", pack=first.pack)
    order = world.order(second, buyer)
    third = world.sale(buyer, first.paid_at + timedelta(minutes=18), currency="WMZ", pack=first.pack, code_state=5)
    world.expect("duplicate_charge", "three charges for one purchase", first.ref, third.ref, order=order)


def _one_order_charged_twice(world: World) -> None:
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.recently(), currency="USD")
    order = world.order(purchase, buyer)
    surplus = world.pay(purchase, purchase.payments[0].at + timedelta(hours=9))
    about = "one Tribute order charged twice, nine hours apart"
    world.expect("duplicate_charge", about, surplus, provider=TRIBUTE, order=order)


def _across_providers(world: World) -> None:
    buyer = world.buyer(telegram=True)
    sale = world.sale(buyer, world.recently())
    order = world.order(sale, buyer)
    again = world.purchase(buyer, sale.paid_at + timedelta(minutes=11), pack=sale.pack)
    world.tie(order, sale.ref, DIGISELLER)
    world.tie(order, again.ref, TRIBUTE)
    about = "one order paid at DigiSeller and again at Tribute, tied by the shop's payments"
    world.expect("duplicate_charge", about, again.ref, provider=TRIBUTE, order=order)


def _same_order_reference(world: World) -> None:
    buyer = world.buyer()
    kept = world.sale(buyer, world.recently(), currency="WMZ")
    order = world.order(kept, buyer)
    surplus = world.sale(buyer, kept.paid_at + timedelta(hours=3), currency="WMZ", pack=kept.pack)
    world.echo(order, kept)
    world.echo(order, surplus)
    about = "two DigiSeller invoices three hours apart that carry the same order id"
    world.expect("duplicate_charge", about, surplus.ref, order=order)


def _lacking(world: World, about: str, paid: Sale | Purchase, order: Order | None, reason: str) -> None:
    provider = DIGISELLER if isinstance(paid, Sale) else TRIBUTE
    world.expect("undelivered_order", about, paid.ref, provider=provider, order=order, reason=reason)
