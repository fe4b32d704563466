"""Puts a made-up world into the simulated providers."""

from decimal import Decimal
from typing import Any

from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.push import Pusher
from providers.simulators.scenario.values import Purchase, Sale, Scenario
from providers.simulators.tribute import TributeSimulator
from providers.simulators.tribute_events import EIGHT_STEPS, TributeEvents

_CREDITED = Decimal("0.95")
"""What is left of a DigiSeller sale after fees."""


def into_digiseller(simulator: DigiSellerSimulator, scenario: Scenario) -> None:
    """Every sale, with its refund, review and chat."""
    for sale in scenario.sales:
        _sell(simulator, sale)


def into_tribute(simulator: TributeSimulator, scenario: Scenario) -> None:
    """Every shop order, oldest first, with its payments and refunds."""
    for purchase in sorted(scenario.purchases, key=lambda one: (one.created_at, one.uuid)):
        _order(simulator, purchase)


def push_by_tribute(url: str, key: str, scenario: Scenario) -> None:
    """Every webhook, signed, delivered to a receiver's address as Tribute would: again until it is answered 200."""
    pusher = Pusher(url, EIGHT_STEPS)
    events = TributeEvents(pusher, key, lambda: scenario.now)
    for one in scenario.events:
        events.emit(one.name, dict(one.payload), one.at)
    pusher.run(scenario.now)


def _sell(simulator: DigiSellerSimulator, sale: Sale) -> None:
    amount = Decimal(sale.amount_minor) / 100
    simulator.add_sale(
        sale.paid_at,
        sale.invoice,
        amount=amount,
        credited=(amount * _CREDITED).quantize(Decimal("0.01")),
        currency=sale.currency,
        email=sale.email,
        product_id=sale.pack.product_id,
        product_name=sale.pack.title,
        code=sale.code,
        query_string=sale.through or None,
        code_state=sale.code_state,
        chat_state=sale.chat_state,
        chat_at=sale.chat_at,
        refunded=None if sale.refunded_minor is None else Decimal(sale.refunded_minor) / 100,
        extra={"date_pay": sale.written_date} if sale.written_date else {},
    )
    if sale.state == 35:
        simulator.start_refund(sale.invoice)
    if sale.state == 5:
        simulator.finish_refund(sale.invoice, sale.refunded_at)
    if sale.review:
        review = sale.review
        simulator.review(sale.invoice, review.text, negative=not review.positive, deleted=review.deleted)


def _order(simulator: TributeSimulator, purchase: Purchase) -> None:
    trial: dict[str, Any] = {"isTrial": True, "trialPeriod": "seven_days"} if purchase.trial else {}
    simulator.add_order(
        purchase.uuid,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency.lower(),
        title=purchase.pack.title,
        created_at=purchase.created_at,
        email=purchase.email,
        customer_id=purchase.customer_id,
        period=purchase.period,
        comment=purchase.comment,
        **trial,
    )
    for place, paid in enumerate(purchase.payments):
        again = place > 0 and purchase.period != "onetime"
        simulator.charge_again(purchase.uuid, at=paid.at, recurring=again, sale_id=paid.id)
        if paid.refunded_at:
            simulator.refund(purchase.uuid, paid.id, at=paid.refunded_at)
    simulator.set_status(purchase.uuid, purchase.status)
