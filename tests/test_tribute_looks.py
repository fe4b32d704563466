"""Beyond the days of sales: the sweep of old orders, goods, and looks at single orders, over real HTTP."""

from datetime import UTC, timedelta

from reconciler.model import Window
from tests.tribute_world import NOW, ORDERS, PHYSICAL, TODAY, UUID, with_settings, world

__all__ = ["world"]


def test_the_feeds_are_the_sales_the_goods_and_a_daily_sweep_of_180_days(world):
    feeds = {feed.name: feed for feed in world.provider.feeds()}
    assert list(feeds) == ["tribute.sales", "tribute.physical", "tribute.sweep"]
    assert [name for name, feed in feeds.items() if feed.main] == ["tribute.sales"]
    sweep = feeds["tribute.sweep"]
    assert (sweep.reach, sweep.every) == (timedelta(days=180), timedelta(days=1))
    assert (feeds["tribute.sales"].reach, feeds["tribute.sales"].every) == (None, None)


def test_the_sweep_finds_a_late_refund_and_a_new_period_of_an_old_order(world):
    old = NOW - timedelta(days=170)
    world.simulator.add_order(UUID, created_at=old, status="paid", period="monthly")
    later = world.simulator.charge_again(UUID, at=NOW - timedelta(days=1))
    world.simulator.refund(UUID, later)
    assert world.pull().transactions == {}
    window = Window(NOW - timedelta(days=180), NOW)
    pulled = world.pull("tribute.sweep", window)
    assert set(pulled.transactions) == {UUID, f"{UUID}:{later}", f"{UUID}:{later}:refund"}
    assert pulled.drained == [window]
    assert {page.feed for page in pulled.pages} == {"tribute.sweep"}


def test_goods_are_read_by_page_numbers_until_a_page_is_short(world):
    for number in range(1, 121):
        world.simulator.add_physical(number)
    pulled = world.pull("tribute.physical")
    assert len(pulled.transactions) == 120
    assert [call.query["page"] for call in world.simulator.called(PHYSICAL)] == ["1", "2", "3"]
    assert [page.drained for page in pulled.pages] == [None, None, None, TODAY]


def test_goods_that_fill_their_last_page_end_with_an_empty_one(world):
    for number in range(1, 51):
        world.simulator.add_physical(number)
    assert len(world.pull("tribute.physical").transactions) == 50
    assert [call.query["page"] for call in world.simulator.called(PHYSICAL)] == ["1", "2"]


def test_an_account_without_goods_has_an_empty_complete_feed(world):
    pulled = world.pull("tribute.physical")
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])


def test_a_single_order_is_read_with_its_charges_and_refunds(world):
    world.simulator.add_order(UUID, created_at=NOW - timedelta(days=900), status="paid", customer_id="order-1")
    world.simulator.refund(UUID)
    pulled = world.read(UUID)
    assert set(pulled.transactions) == {UUID, f"{UUID}:refund"}
    assert pulled.states[UUID].echoes == ("order-1",)
    assert pulled.drained == []


def test_refs_of_one_order_share_a_single_look(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(seconds=1))
    pulled = world.read(UUID, f"{UUID}:{second}", UUID.upper())
    assert len(pulled.pages) == 1
    assert {ref: state.found for ref, state in pulled.states.items()} == {UUID: True, f"{UUID}:{second}": True}
    assert len(world.simulator.called(f"{ORDERS}/{UUID}")) == 2


def test_an_order_that_tribute_does_not_know_is_not_found(world):
    pulled = world.read(UUID)
    assert (pulled.transactions, pulled.states[UUID].found) == ({}, False)


def test_a_transaction_that_its_order_does_not_have_is_not_found(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    states = world.read(f"{UUID}:77").states
    assert (states[UUID].found, states[f"{UUID}:77"].found) == (True, False)


def test_nothing_is_said_about_a_transaction_that_may_be_the_unreadable_one(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_row(UUID, id=77, amount="much", currency="rub")
    assert set(world.read(f"{UUID}:77").states) == {UUID}


def test_an_order_is_looked_for_in_every_shop(world):
    world.simulator.shops = [1, 7]
    world.simulator.add_order(UUID, shop_id=7, status="paid")
    assert world.read(UUID).states[UUID].found
    assert [call.query["shopId"] for call in world.simulator.called(f"{ORDERS}/{UUID}")] == ["1", "7", "7"]


def test_someone_elses_order_is_not_found(world):
    world.simulator.shops = [1, 7]
    world.simulator.add_order(UUID, shop_id=7, status="paid")
    assert not with_settings(world, shop_ids=(1,)).read(UUID).states[UUID].found


def test_purchases_and_goods_cannot_be_looked_up_and_cost_no_call(world):
    assert world.read("12345", "physical:5", "T-77", "").pages == []
    assert world.simulator.calls == []


def test_times_of_the_whole_world_are_utc(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    assert {row.occurred_at.tzinfo for row in world.pull().transactions.values()} == {UTC}
