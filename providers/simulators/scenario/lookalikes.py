"""What looks like a fault and is none: each of these has to stay silent."""

from datetime import timedelta

from providers.simulators.scenario.catalogue import PACKS
from providers.simulators.scenario.values import DIGISELLER, Review
from providers.simulators.scenario.world import World


def add(world: World) -> None:
    """Add them all."""
    for part in (_repeats, _deliveries, _unpaid, _refunds, _edges, _recurring, _orders_alone, _harmless_signs):
        part(world)


def _repeats(world: World) -> None:
    buyer = world.buyer()
    first = world.sale(buyer, world.recently())
    world.order(first, buyer)
    second = world.sale(buyer, first.paid_at + timedelta(minutes=4), pack=first.pack)
    world.order(second, buyer)
    world.silent("the same thing bought twice within minutes at DigiSeller, and delivered twice")
    buyer = world.buyer(telegram=True)
    one = world.purchase(buyer, world.recently(), currency="USD")
    world.order(one, buyer)
    two = world.purchase(buyer, one.payments[0].at + timedelta(minutes=5), currency="USD", pack=one.pack)
    world.order(two, buyer)
    world.silent("the same thing bought twice within minutes at Tribute, and delivered twice")
    buyer = world.buyer()
    whole = world.sale(buyer, world.recently(), pack=PACKS[2], amount_minor=200_000)
    rest = world.sale(buyer, whole.paid_at + timedelta(minutes=6), pack=PACKS[2], amount_minor=169_000)
    order = world.order(whole, buyer, "payments", amount_minor=369_000)
    world.tie(order, rest.ref, DIGISELLER)
    world.silent("one order paid in two parts that add up to its amount")


def _deliveries(world: World) -> None:
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently())
    world.order(sale, buyer, delivered_at=sale.paid_at + timedelta(minutes=67))
    world.silent("delivered an hour late, but delivered")
    world.sale(world.buyer(), world.ago(hours=5), code_state=1)
    world.silent("a code not presented yet, younger than a day")
    world.sale(world.buyer(), world.ago(minutes=9), code_state=5)
    world.silent("a DigiSeller charge inside the grace period, without an order so far")
    buyer = world.buyer(telegram=True)
    purchase = world.purchase(buyer, world.ago(minutes=8))
    world.order(purchase, buyer, created_at=purchase.created_at, status="pending")
    world.silent("a Tribute charge inside the grace period, not delivered so far")


def _unpaid(world: World) -> None:
    for status, in_shop in (("pending", "pending"), ("failed", "cancelled"), ("prepaid", "pending")):
        buyer = world.buyer(telegram=True)
        purchase = world.purchase(buyer, world.recently(), status=status)
        world.order(purchase, buyer, status=in_shop)
        world.silent(f"a {status} Tribute order, which is no money received")
    buyer = world.buyer(telegram=True)
    world.purchase(buyer, world.recently(), currency="EUR", period="monthly", trial=True)
    world.silent("a trial, which moves no money")


def _refunds(world: World) -> None:
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), currency="WMZ")
    order = world.order(sale, buyer, credits_used=sale.pack.credits)
    world.approve(sale, world.later(order.updated_at, 600, 1_200))
    world.refund(sale, world.later(order.updated_at, 1_300, 3_600))
    world.silent("a DigiSeller refund that an operator approved")
    buyer = world.buyer(telegram=True)
    world.order(world.sale(buyer, world.ago(days=9), pack=PACKS[1]), buyer, credits_used=100)
    purchase = world.purchase(buyer, world.recently(), currency="EUR")
    order = world.order(purchase, buyer, credits_used=0, credits_taken_back=True)
    order.status = "refunded"
    order.updated_at = world.later(order.updated_at, 3_600, 7_200)
    world.refund(purchase, world.later(order.updated_at, 60, 600))
    world.silent("a Tribute refund that the shop's order records; what the account still holds is another order's")
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently())
    world.order(sale, buyer)
    surplus = world.sale(buyer, sale.paid_at + timedelta(seconds=36), pack=sale.pack, code_state=1)
    world.approve(surplus, world.later(surplus.paid_at, 3_600, 7_200))
    world.refund(surplus, world.later(surplus.paid_at, 7_300, 9_000))
    world.silent("a charge made twice whose surplus has already gone back with approval")
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently())
    world.order(sale, buyer)
    world.sale(buyer, sale.paid_at + timedelta(seconds=50), pack=sale.pack, code_state=1)
    world.approve(sale, world.later(sale.paid_at, 3_600, 7_200))
    world.refund(sale, world.later(sale.paid_at, 7_300, 9_000))
    world.silent("the same, but the delivered charge went back: its order passes to the other one")


def _edges(world: World) -> None:
    midnight_in_moscow = world.recently().replace(hour=21, minute=0, second=0)
    for seconds in (-1, 0, 1):
        buyer = world.buyer()
        sale = world.sale(buyer, midnight_in_moscow + timedelta(seconds=seconds))
        world.order(sale, buyer)
    world.silent("sales around midnight in Moscow, which is 21:00 UTC")
    midnight = world.recently().replace(hour=0, minute=0, second=0)
    for seconds in (-1, 0):
        buyer = world.buyer(telegram=True)
        purchase = world.purchase(buyer, midnight + timedelta(seconds=seconds))
        world.order(purchase, buyer)
    world.silent("Tribute payments around midnight UTC, whose orders are of the day before")
    buyer = world.buyer(account_email="Mixed.Case@Example.COM")
    buyer.email = "mixed.case@example.com"
    sale = world.sale(buyer, world.recently())
    world.order(sale, buyer, "nothing", buyer_email=None)
    world.silent("an e-mail written in other letters' case, known from the account alone")


def _recurring(world: World) -> None:
    for period, days in (("weekly", 7), ("monthly", 30)):
        buyer = world.buyer(telegram=True)
        start = world.ago(days=2 * days + 5)
        purchase = world.purchase(buyer, start, currency="USD", period=period)
        world.order(purchase, buyer)
        for place in (1, 2):
            world.pay(purchase, start + timedelta(days=place * days))
            world.order(purchase, buyer)
        world.silent(f"a {period} Tribute order with three payments and three deliveries")


def _orders_alone(world: World) -> None:
    buyer = world.buyer()
    given = world.sale(buyer, world.recently())
    del world.sales[given.invoice]
    world.order(given, buyer, "nothing", provider=None, product_id=None)
    world.silent("credits given away: a delivered order that no provider was paid for")
    world.order(given, world.buyer(), "nothing", status="pending")
    world.silent("an order begun and never paid, and never delivered")
    buyer = world.buyer()
    old = world.sale(buyer, world.since - timedelta(days=20))
    world.order(old, buyer)
    world.silent("a delivered order older than what was pulled")


def _harmless_signs(world: World) -> None:
    buyer = world.buyer()
    sale = world.sale(buyer, world.recently(), review=Review(positive=True, text="Fast, thank you!"))
    sale.chat_state, sale.chat_at = 1, world.ago(hours=25)
    world.order(sale, buyer, "nothing")
    world.silent("a good review, and a chat that the seller opened")
    buyer = world.buyer()
    taken_back = Review(positive=False, text="Does not work", deleted=True)
    sale = world.sale(buyer, world.recently(), review=taken_back)
    world.order(sale, buyer, "nothing")
    world.silent("a bad review that the buyer took back")
    if world.since > world.ago(days=25):
        return
    buyer = world.buyer()
    sale = world.sale(buyer, world.ago(days=24), review=Review(positive=False, text="Slow"))
    world.order(sale, buyer, "nothing")
    world.silent("a bad review of a sale whose proceeds DigiSeller has long set free")
