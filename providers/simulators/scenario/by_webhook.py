"""What Tribute tells by webhook only: digital products, donations and channel subscriptions, with their faults."""

from datetime import datetime
from typing import Any

from providers.simulators.scenario.catalogue import PACKS
from providers.simulators.scenario.values import TRIBUTE, Buyer, Event, Paid, Purchase
from providers.simulators.scenario.world import World
from providers.simulators.tribute_events import written

_FIRST_PURCHASE = 700_001


def add(world: World) -> None:
    """All of it happened within the last day, as what a daemon takes in."""
    _products(world)
    _gifts(world)


def _products(world: World) -> None:
    buyer = world.buyer(telegram=True)
    world.order(_sold(world, buyer, world.ago(hours=9), "USD"), buyer)
    world.silent("a digital product that only a webhook told of, delivered")
    buyer = world.buyer(telegram=True)
    lost = _sold(world, buyer, world.ago(hours=7), "EUR")
    about = "a digital product that only a webhook told of, and the shop never noticed"
    world.expect("undelivered_order", about, lost.ref, provider=TRIBUTE, reason="no_order")
    buyer = world.buyer(telegram=True)
    back = _sold(world, buyer, world.ago(hours=11), "USD")
    order = world.order(back, buyer, credits_used=back.pack.credits)
    _given_back(world, back, world.ago(hours=2))
    about = "a webhook says that a digital product was paid back, and nobody agreed to it"
    world.expect("suspected_chargeback", about, back.ref, provider=TRIBUTE, order=order)


def _gifts(world: World) -> None:
    buyer = world.buyer(telegram=True)
    link = {"donation_request_id": 31, "donation_name": "Support us", "period": "once", "anonymously": False}
    payload = link | {"amount": 30_000, "currency": "rub"} | _who(buyer)
    world.events.append(Event("new_donation", world.ago(hours=6), payload))
    world.silent("a donation, for which there is nothing to deliver")
    at = world.ago(hours=5)
    plan = {"subscription_id": 12, "subscription_name": "News", "period_id": 3, "period": "monthly", "type": "regular"}
    money = {
        "price": 50_000,
        "amount": 45_000,
        "currency": "rub",
        "expires_at": written(world.later(at, 86_400, 86_401)),
    }
    world.events.append(Event("new_subscription", at, plan | money | _who(buyer)))
    world.silent("a channel subscription, which Tribute itself delivers")


def _sold(world: World, buyer: Buyer, at: datetime, currency: str) -> Purchase:
    """A digital product sold; the shop's orders name it as they name an order of Tribute."""
    number = _FIRST_PURCHASE + len(world.events)
    sold = Purchase(str(number), PACKS[1], at, PACKS[1].prices[currency], currency, payments=[Paid(number, at)])
    world.events.append(Event("new_digital_product", at, _product(sold) | _who(buyer)))
    return sold


def _given_back(world: World, sold: Purchase, at: datetime) -> None:
    payload = _product(sold) | {"refund_reason": "telegram_refund", "refunded_at": written(at)}
    world.events.append(Event("digital_product_refunded", at, payload))


def _product(sold: Purchase) -> dict[str, Any]:
    ids = {"product_id": 456, "purchase_id": int(sold.uuid), "transaction_id": sold.payments[0].id}
    return ids | {
        "product_name": sold.pack.title,
        "amount": sold.amount_minor,
        "currency": sold.currency.lower(),
    }


def _who(buyer: Buyer) -> dict[str, Any]:
    return {"trb_user_id": f"T-{buyer.telegram_user_id}", "telegram_user_id": buyer.telegram_user_id}
