"""Ordinary business: sales at both providers that the shop delivered, tied to their orders in every way there is."""

from datetime import datetime

from providers.simulators.scenario.values import Buyer
from providers.simulators.scenario.world import How, World

DIGISELLER_SHARE = 0.6
_WAYS: dict[How, int] = {"reference": 58, "payments": 12, "code": 12, "echo": 12, "nothing": 6}
_CODES = {2: 5, 3: 4, 5: 1}


def add(world: World, days: int, charges: int) -> None:
    """Add `charges` ordinary sales, spread over the last `days` days."""
    regulars = [world.buyer(telegram=place % 2 == 0) for place in range(max(1, charges // 3))]
    for place in range(charges):
        buyer = world.rng.choice(regulars)
        at = world.ago(hours=world.rng.uniform(2, days * 24 - 2))
        if place < round(charges * DIGISELLER_SHARE):
            _at_digiseller(world, buyer, at)
        else:
            _at_tribute(world, buyer, at)


def _at_digiseller(world: World, buyer: Buyer, at: datetime) -> None:
    currency = world.rng.choices(("WMR", "WMZ", "WMT"), weights=(5, 3, 2))[0]
    code_state = world.rng.choices(tuple(_CODES), weights=tuple(_CODES.values()))[0]
    sale = world.sale(buyer, at, currency=currency, code_state=code_state, through=f"account={buyer.account_id}")
    world.order(sale, buyer, _way(world))


def _at_tribute(world: World, buyer: Buyer, at: datetime) -> None:
    currency = world.rng.choices(("RUB", "USD", "EUR"), weights=(5, 3, 2))[0]
    purchase = world.purchase(buyer, at, currency=currency)
    way = _way(world)
    world.order(purchase, buyer, "reference" if way == "code" else way)


def _way(world: World) -> How:
    return world.rng.choices(tuple(_WAYS), weights=tuple(_WAYS.values()))[0]
