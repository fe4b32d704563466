"""A made-up shop with ordinary business, faults planted in it, and look-alikes that are none; nothing is real."""

from datetime import datetime, timedelta

from providers.simulators.scenario import background, by_webhook, lookalikes, plants, plants_back
from providers.simulators.scenario.values import Expected, Scenario
from providers.simulators.scenario.world import World

MIN_DAYS = 14
"""Some plants are older than the time that a refund may take, so that a shorter world would not hold them."""

_PLANTS = (
    plants.duplicates,
    plants.undelivered,
    plants.unclaimed,
    plants.missing,
    plants.mismatches,
    plants.conflicts,
    plants_back.chargebacks,
    plants_back.confirmed,
    plants_back.refunds,
    plants_back.credits_left,
    plants_back.signals,
    plants_back.unreadable,
)

__all__ = ["MIN_DAYS", "Expected", "Scenario", "build"]


def build(now: datetime, days: int, charges: int, seed: int) -> Scenario:
    """A world as of `now` with `charges` ordinary sales in the last `days` days, and one of every fault and look-alike.

    The same arguments give the same world. Raises ValueError for less than a day or fewer than no charges.
    """
    if days < 1 or charges < 0:
        raise ValueError("a made-up world needs at least one day, and no fewer than 0 charges")
    now = now.replace(microsecond=0)
    world = World(now, now - timedelta(days=max(days, MIN_DAYS)), seed)
    background.add(world, days, charges)
    for plant in _PLANTS:
        plant(world)
    lookalikes.add(world)
    by_webhook.add(world)
    return world.finished()
