"""What an order of a simulated Tribute becomes over real HTTP: charges, refunds, and what cannot be understood."""

from datetime import timedelta

import pytest

from reconciler.model import Kind, Status
from tests.tribute_world import NOW, ORDERS, OTHER, TODAY, UUID, world

__all__ = ["world"]


# Orders and what becomes of them


def test_an_order_carries_what_matching_needs(world):
    world.simulator.add_order(
        UUID, created_at=NOW, status="paid", title="100 credits", email="Buyer@Shop.Example", customer_id="order-1",
        comment="note", telegramUserId=5_123_456_789,
    )  # fmt: skip
    pulled = world.pull()
    charge, state = pulled.transactions[UUID], pulled.states[UUID]
    assert (charge.title, charge.buyer_email, charge.telegram_user_id) == (
        "100 credits",
        "buyer@shop.example",
        "5123456789",
    )
    assert (charge.amount_minor, charge.currency, charge.product_id, charge.fee_minor) == (100_000, "RUB", None, 8_000)
    assert (state.found, state.state, state.claimed, state.echoes) == (True, "paid", None, ("order-1", "note"))
    assert state.read_at == NOW


@pytest.mark.parametrize("state", ["pending", "failed", "prepaid"])
def test_an_unpaid_order_is_a_charge_of_its_state_and_its_transactions_are_not_asked_for(world, state):
    world.simulator.add_order(UUID, created_at=NOW, status=state)
    assert world.pull().transactions[UUID].status == state
    assert world.simulator.called(f"{ORDERS}/{UUID}") == []


def test_an_order_that_flips_to_paid_later_keeps_its_ref(world):
    world.simulator.add_order(UUID, created_at=NOW - timedelta(hours=3))
    assert world.pull().transactions[UUID].status is Status.PENDING
    world.simulator.pay(UUID, at=NOW - timedelta(hours=1))
    charge = world.pull().transactions[UUID]
    assert (charge.status, charge.occurred_at) == (Status.PAID, NOW - timedelta(hours=1))


def test_an_unknown_state_is_kept_as_text_and_the_rest_goes_on(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.set_status(UUID, "on_hold")
    world.simulator.add_order(OTHER, created_at=NOW, status="paid")
    pulled = world.pull()
    assert (pulled.transactions[UUID].status, pulled.states[UUID].state) == (Status.UNKNOWN, "on_hold")
    assert pulled.transactions[OTHER].status is Status.PAID


def test_money_that_went_back_is_seen_even_in_an_unknown_state(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.refund(UUID)
    world.simulator.set_status(UUID, "refunded")
    assert world.pull().transactions[f"{UUID}:refund"].status is Status.COMPLETED


def test_a_trial_becomes_paid_with_its_first_sale(world):
    world.simulator.add_order(UUID, created_at=NOW, period="monthly", trialPeriod="seven_days")
    world.simulator.set_status(UUID, "paid")
    assert world.pull().transactions[UUID].status is Status.TRIAL
    world.simulator.pay(UUID)
    assert world.pull().transactions[UUID].status is Status.PAID


def test_a_double_charge_is_a_second_charge_of_the_same_order(world):
    world.simulator.add_order(UUID, created_at=NOW - timedelta(minutes=5), status="paid")
    second = world.simulator.charge_again(UUID, at=NOW)
    pulled = world.pull()
    assert {(row.ref, row.group_ref, row.recurring) for row in pulled.transactions.values()} == {
        (UUID, UUID, False),
        (f"{UUID}:{second}", UUID, False),
    }


def test_a_recurring_order_has_a_charge_for_each_period(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid", period="monthly")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(days=30))
    charge = world.pull().transactions[f"{UUID}:{second}"]
    assert (charge.recurring, charge.group_ref, charge.status) == (True, UUID, Status.PAID)


def test_a_first_period_of_its_own_price_is_what_the_buyer_paid(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid", period="monthly", firstPeriodAmount=50_000)
    assert world.pull().transactions[UUID].amount_minor == 50_000


def test_a_refund_that_nobody_asked_for_is_a_refund_of_its_charge(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(seconds=1))
    world.simulator.refund(UUID, second)
    refunds = [row for row in world.pull().transactions.values() if row.kind is Kind.REFUND]
    assert [(row.ref, row.parent_ref, row.seller_started) for row in refunds] == [
        (f"{UUID}:{second}:refund", f"{UUID}:{second}", False)
    ]


# Records that cannot be understood


def test_an_order_that_cannot_be_understood_is_set_aside_and_the_rest_goes_on(world):
    world.simulator.add_order(UUID, created_at=NOW, amount="a lot")
    world.simulator.add_order(created_at=NOW, createdAt="never")
    world.simulator.add_order(OTHER, created_at=NOW, status="paid")
    pulled = world.pull()
    assert set(pulled.transactions) == {OTHER}
    assert UUID in {aside.key for aside in pulled.quarantined}
    assert len(pulled.quarantined) == 2
    assert pulled.drained == [TODAY]


def test_an_order_without_an_id_is_set_aside_under_its_hash(world):
    world.simulator.add_order(created_at=NOW, uuid="550e8400-e29b-41d4-a716-446655440001")
    world.simulator._orders["550e8400-e29b-41d4-a716-446655440001"].extra["uuid"] = "none"
    (aside,) = world.pull().quarantined
    assert (aside.source, len(aside.key)) == ("tribute.orders", 64)


def test_a_row_of_an_unknown_type_is_set_aside_and_its_order_is_read(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_row(UUID, type="shop_order_bonus", amount=1000, currency="rub")
    pulled = world.pull()
    assert set(pulled.transactions) == {UUID}
    assert [aside.source for aside in pulled.quarantined] == ["tribute.transactions"]
