"""What nobody documents about Tribute: either form of it is read over real HTTP, and gives the same."""

from datetime import timedelta

import pytest

from reconciler.model import Status
from tests.tribute_world import NOW, UUID, paid, world

__all__ = ["paid", "world"]


@pytest.mark.parametrize("unit", ["major", "minor"])
def test_transactions_in_either_unit_give_the_same_money(world, unit):
    world.simulator.switches.transaction_unit = unit
    world.simulator.add_order(UUID, amount_minor=123_456, created_at=NOW, status="paid")
    charge = world.pull().transactions[UUID]
    assert (charge.amount_minor, charge.fee_minor, charge.occurred_exact) == (123_456, 9_876, True)


@pytest.mark.parametrize(("flips_at", "seen"), [("initiated", True), ("completed", False)])
def test_a_refund_is_seen_when_its_flag_flips(world, flips_at, seen):
    world.simulator.switches.refunded_at = flips_at
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.refund(UUID, completed=False)
    assert (f"{UUID}:refund" in world.pull().transactions) is seen
    world.simulator.refund(UUID)
    assert f"{UUID}:refund" in world.pull().transactions


@pytest.mark.parametrize("form", ["off", "negative", "typed"])
def test_a_refund_with_or_without_a_row_of_its_own_is_one_refund_and_no_charge(world, form):
    world.simulator.switches.refund_row = form
    world.simulator.add_order(UUID, created_at=NOW - timedelta(hours=1), status="paid")
    world.simulator.refund(UUID, at=NOW - timedelta(minutes=10))
    pulled = world.pull()
    assert set(pulled.transactions) == {UUID, f"{UUID}:refund"}
    assert pulled.quarantined == []
    seen_at = NOW if form == "off" else NOW - timedelta(minutes=10)
    assert pulled.transactions[f"{UUID}:refund"].occurred_at == seen_at


@pytest.mark.parametrize("form", ["rfc3339", "no_zone"])
def test_a_time_of_creation_with_or_without_a_zone_is_utc(world, form):
    world.simulator.switches.created_at = form
    world.simulator.add_order(UUID, created_at=NOW - timedelta(hours=2))
    assert world.pull().transactions[UUID].occurred_at == NOW - timedelta(hours=2)


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_a_currency_in_either_case_is_the_same(world, case):
    world.simulator.switches.currency = case
    world.simulator.add_order(UUID, created_at=NOW, status="paid", currency="eur")
    assert world.pull().transactions[UUID].currency == "EUR"


@pytest.mark.parametrize("ids", ["number", "text"])
def test_numbers_of_transactions_beyond_31_bits_are_read_in_either_form(world, ids):
    world.simulator.switches.ids = ids
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(seconds=1))
    assert second > 2**31
    assert set(world.pull().transactions) == {UUID, f"{UUID}:{second}"}


def test_an_empty_list_of_transactions_may_be_null(world):
    world.simulator.switches.empty = "null"
    world.simulator.add_order(UUID, created_at=NOW)
    world.simulator.set_status(UUID, "paid")
    charge = world.pull().transactions[UUID]
    assert (charge.status, charge.amount_minor, charge.occurred_exact) == (Status.PAID, 100_000, False)


def test_absent_flags_deny_nothing_and_claim_nothing(world):
    world.simulator.add_order(UUID, created_at=NOW)
    world.simulator.pay(UUID, flags=False)
    assert set(world.pull().transactions) == {UUID}


def test_unknown_fields_change_nothing(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_physical(5)
    before = world.pull().transactions, world.pull("tribute.physical").transactions
    world.simulator.switches.unknown_fields = True
    assert (world.pull().transactions, world.pull("tribute.physical").transactions) == before


@pytest.mark.parametrize(("states", "paid"), [("new", True), ("old", False)])
def test_refunded_goods_are_a_refund_only_where_tribute_says_so(world, states, paid):
    world.simulator.switches.physical_states = states
    world.simulator.add_physical(5, status="refunded")
    assert ("physical:5:refund" in world.pull("tribute.physical").transactions) is paid


def test_processing_goods_are_paid_under_either_name(world):
    world.simulator.add_physical(5, status="processing")
    seen = []
    for states in ("new", "old"):
        world.simulator.switches.physical_states = states
        pulled = world.pull("tribute.physical")
        seen.append((pulled.states["physical:5"].state, pulled.transactions["physical:5"].status))
    assert seen == [("pending", Status.PAID), ("processing", Status.PAID)]
