"""Days of a made-up shop in which anything may happen in any order are recomputed to the same bytes."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconciler.cases.model import Decision
from reconciler.errors import BadRecord
from reconciler.money import Money
from reconciler.schema_cases import cases
from reconciler.store import disputes, refunds
from reconciler.store.decisions import decide_case
from reconciler.store.engine import write
from tests.replay_world import World, living
from tests.stores import url

__all__ = ["url"]

EDITS: tuple[tuple[str, str | int], ...] = (
    ("amount", "9.99"), ("credits_used", 1), ("credits_used", 2), ("status", "refunded"), ("status", "delivered"),
    ("currency", "??"), ("currency", "USD"), ("provider_ref", "99999999"), ("product_id", "7"),
)  # fmt: skip
Hazard = Callable[[World, random.Random], object]


def sale(world: World, chance: random.Random) -> int:
    """Some invoice of DigiSeller."""
    return chance.choice(sorted(world.digiseller.sales))


def paid(world: World, chance: random.Random) -> str:
    """Some order of Tribute with a payment."""
    return chance.choice([one.uuid for one in world.scenario.purchases if one.payments])


def order(world: World, chance: random.Random) -> str:
    """Some order of the shop."""
    return chance.choice([one.order_id for one in world.scenario.orders])


def finish_refund(world: World, chance: random.Random) -> None:
    world.digiseller.finish_refund(sale(world, chance), chance.choice([None, world.clock.at]))


def review(world: World, chance: random.Random) -> None:
    world.digiseller.review(sale(world, chance), "awful", negative=chance.random() < 0.7, deleted=chance.random() < 0.3)


def chat(world: World, chance: random.Random) -> None:
    world.digiseller.change(sale(world, chance), chat_state=chance.choice([0, 1, 2]), chat_at=world.clock.at)


def new_sale(world: World, chance: random.Random) -> None:
    world.digiseller.add_sale(world.clock.at - timedelta(minutes=5), email=f"b{chance.randrange(9)}@example.com")


def edit(world: World, chance: random.Random) -> None:
    """The shop edits an order, with or without saying when."""
    name, value = chance.choice(EDITS)
    if chance.random() < 0.5:
        world.shop_changes(order(world, chance), **{name: value})
    else:
        world.shop_does(f"UPDATE orders SET {name} = ? WHERE order_id = ?", value, order(world, chance))


def tie(world: World, chance: random.Random) -> None:
    """A tie of a payment goes, or comes back."""
    one = chance.choice(world.scenario.payments)
    if chance.random() < 0.5:
        world.shop_does("DELETE FROM payments WHERE order_id = ?", one.order_id)
    else:
        values = (one.order_id, one.provider, one.provider_ref)
        world.shop_does("INSERT OR REPLACE INTO payments VALUES (?, ?, ?)", *values)


def balance(world: World, chance: random.Random) -> None:
    one = chance.choice(world.scenario.accounts)
    now = world.clock.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    values = (chance.randrange(50), chance.choice(["active", "banned"]), now, one.account_id)
    world.shop_does("UPDATE accounts SET balance = ?, status = ?, updated_at = ? WHERE account_id = ?", *values)


def nonsense(world: World, chance: random.Random) -> None:
    world.tribute.add_row(paid(world, chance), amount=chance.choice(["nonsense", 777, 0]), currency="rub")


def tribute_order(world: World, chance: random.Random) -> None:
    uuid = world.tribute.add_order(created_at=world.clock.at, email=f"b{chance.randrange(9)}@example.com")
    if chance.random() < 0.7:
        world.tribute.pay(uuid, at=world.clock.at)


def failing(world: World, chance: random.Random) -> None:
    """The transactions of an order cannot be read for a while, or are refused."""
    path = f"/api/v1/shop/orders/{paid(world, chance)}/transactions"
    world.tribute.fault(path, "status", 6, status=chance.choice([500, 403, 404]))


def decide(world: World, chance: random.Random) -> None:
    with write(world.engine) as connection:
        ids = list(connection.execute(sa.select(cases.c.id).where(cases.c.status != "resolved")).scalars())
        decision = Decision(chance.choice(["dismiss", "refund", "decline"]), "Ann", "so be it", world.clock())
        with suppress(BadRecord), connection.begin_nested():  # not every case allows everything
            decide_case(connection, world.settings, chance.choice(sorted(ids)), decision)


def approve(world: World, chance: random.Random) -> None:
    ref, money = str(sale(world, chance)), Money(chance.randrange(1, 400), chance.choice(["WMZ", "WMR"]))
    with write(world.engine) as connection, suppress(BadRecord):  # another currency, or a chargeback
        refunds.record(connection, "digiseller", ref, money, "Ann", "paid twice", world.clock(), equivalents={})


def dispute(world: World, chance: random.Random) -> None:
    with write(world.engine) as connection:
        new = disputes.NewDispute(
            "digiseller", str(sale(world, chance)), Money(chance.randrange(1, 400), "WMZ"), "10.4", world.clock.at
        )
        row, _ = disputes.record(connection, new, "Ann", world.clock())
        stage = chance.choice(["under_review", "won", "lost", "withdrawn"])
        disputes.add_stage(connection, row["id"], stage, world.clock.at, "Ann", world.clock())


HAZARDS: tuple[Hazard, ...] = (
    finish_refund, review, chat, new_sale, edit, edit, tie, balance, nonsense, tribute_order, failing, decide, approve,
    dispute,
    lambda world, chance: world.digiseller.start_refund(sale(world, chance)),
    lambda world, chance: world.digiseller.change(sale(world, chance), state=chance.choice([1, 2, 3])),
    lambda world, chance: world.digiseller.change(sale(world, chance), code_state=chance.choice([1, 2, 4])),
    lambda world, chance: world.tribute.refund(paid(world, chance), completed=chance.random() < 0.7),
    lambda world, chance: world.tribute.charge_again(paid(world, chance), at=world.clock.at),
    lambda world, chance: world.tribute.set_status(paid(world, chance), chance.choice(["paid", "failed", "odd"])),
    lambda world, _chance: world.tribute.clear_faults(),
    lambda world, chance: world.clock.move(hours=chance.randrange(1, 30)),
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_days_in_which_anything_happens_are_recomputed(tmp_path: Path, url: str, seed: int) -> None:
    chance = random.Random(seed)
    with living(tmp_path, url, days=5, charges=15) as world:
        world.push()
        world.run()
        for _ in range(15):
            for hazard in chance.sample(HAZARDS, 4):
                hazard(world, chance)
            world.run()
            assert world.replay().reason == ""
        assert [world.replay(day).reason for day in world.days] == [""] * len(world.days)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_days_in_which_anything_happens_are_recomputed_beyond_retention(tmp_path: Path, url: str, seed: int) -> None:
    chance = random.Random(seed)
    with living(tmp_path, url, days=5, charges=15) as world:
        world.keep(days=4)
        world.push()
        world.run()
        told = []
        for _ in range(15):
            for hazard in chance.sample(HAZARDS, 4):
                hazard(world, chance)
            world.run()
            told.append(world.replay())
        told += [world.replay(day) for day in world.days]
    assert [one.reason for one in told if one.outcome != "identical" and "can be recomputed" not in one.reason] == []
    assert sum(one.outcome == "identical" for one in told) > len(told) / 2
    assert told[0].records > 0
