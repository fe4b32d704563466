"""Reading a simulated Tribute over real HTTP: which days, which shops, which pages."""

from datetime import date, datetime, timedelta

import pytest
import respx

from providers.tribute import build
from providers.tribute.feeds import days
from reconciler.errors import NeedsOperator
from reconciler.model import Status, Window
from reconciler.settings import TributeSettings
from tests.tribute_world import KEY, NOW, ORDERS, OTHER, SITE, TODAY, UUID, World, with_settings, world

__all__ = ["world"]


def day_calls(world: World) -> list[tuple[str, str]]:
    calls = [call for call in world.simulator.called(ORDERS) if call.path == ORDERS]
    return [(call.query["shopId"], call.query["dateFrom"]) for call in calls if call.query["dateTo"]]


@pytest.mark.parametrize(
    ("since", "until", "touched"),
    [
        ("2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z", [21]),
        ("2026-11-21T23:59:59Z", "2026-11-22T00:00:01Z", [21, 22]),
        ("2026-11-22T02:00:00+03:00", "2026-11-22T12:00:00+03:00", [21, 22]),
        ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", []),
    ],
)
def test_a_window_touches_the_utc_days_that_it_lies_in(since, until, touched):
    window = Window(datetime.fromisoformat(since), datetime.fromisoformat(until))
    assert list(days(window)) == [date(2026, 11, day) for day in touched]


def test_each_day_of_each_shop_is_asked_for_by_shop_id(world):
    world.simulator.shops = [1, 7]
    world.pull(window=Window(NOW - timedelta(days=1), NOW))
    assert day_calls(world) == [("1", "2026-11-21"), ("1", "2026-11-22"), ("7", "2026-11-21"), ("7", "2026-11-22")]


def test_only_configured_shops_are_read(world):
    world.simulator.shops = [1, 7]
    world.simulator.add_order(UUID, shop_id=1, status="paid")
    world.simulator.add_order(OTHER, shop_id=7, status="paid")
    assert set(with_settings(world, shop_ids=(7,)).pull().transactions) == {OTHER}
    assert {call.query["shopId"] for call in world.simulator.called(ORDERS)} == {"7"}


def test_a_configured_shop_that_the_key_does_not_show_needs_an_operator(world):
    with pytest.raises(NeedsOperator, match=r"shop_ids names 8, 9"):
        with_settings(world, shop_ids=(9, 1, 8)).pull()


def test_an_account_without_shops_has_nothing_to_pull(world):
    world.simulator.shops = []
    world.simulator.switches.empty = "null"
    pulled = world.pull()
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])


@pytest.mark.parametrize("empty", ["list", "null"])
def test_an_empty_day_is_read_completely(world, empty):
    world.simulator.switches.empty = empty
    pulled = world.pull()
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])


def test_only_the_last_page_says_that_the_window_is_complete(world):
    for _ in range(45):
        world.simulator.add_order(created_at=NOW)
    pulled = world.pull()
    assert [len(page.transactions) for page in pulled.pages] == [20, 20, 5, 0]
    assert [page.drained for page in pulled.pages] == [None, None, None, TODAY]


def test_a_page_is_handed_over_before_the_next_orders_are_read(world):
    for _ in range(21):
        world.simulator.add_order(created_at=NOW, status="paid")
    next(world.pages())
    assert len([call for call in world.simulator.called(ORDERS) if "transactions" in call.path]) == 20


def test_transactions_are_read_to_the_last_page_before_the_first_sale_is_named(world):
    world.simulator.add_order(UUID, created_at=NOW, period="monthly")
    first = world.simulator.pay(UUID, at=NOW - timedelta(days=1200))
    later = [world.simulator.charge_again(UUID, at=NOW - timedelta(days=1200 - 30 * n)) for n in range(1, 41)]
    pulled = world.pull()
    assert set(pulled.transactions) == {UUID, *(f"{UUID}:{number}" for number in later)}
    assert ("tribute.transactions", f"{UUID}:{first}") in pulled.raws
    assert pulled.transactions[UUID].occurred_at == NOW - timedelta(days=1200)
    starts = [call.query.get("startFrom") for call in world.simulator.called(f"{ORDERS}/{UUID}/transactions")]
    assert starts == [None, "20", "40"]


def test_pages_in_a_circle_set_the_order_aside_and_the_others_go_on(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_order(OTHER, created_at=NOW)
    world.simulator.switches.paging = "circle"
    pulled = world.pull()
    assert pulled.transactions[UUID].status is Status.PAID
    assert pulled.transactions[OTHER].status is Status.PENDING
    assert [(aside.source, aside.key) for aside in pulled.quarantined] == [("tribute.orders", UUID)]
    assert "circle" in pulled.quarantined[0].reason
    assert pulled.drained == [TODAY]


def test_transactions_that_never_end_are_refused(world, monkeypatch):
    monkeypatch.setattr("providers.tribute.client.MAX_PAGES", 3)
    world.simulator.switches.page_size = 1
    world.simulator.add_order(UUID, created_at=NOW, status="paid", period="monthly")
    for _ in range(3):
        world.simulator.charge_again(UUID)
    assert "past 3 pages" in world.pull().quarantined[0].reason


def test_an_order_set_aside_is_released_by_its_raw_record_once_it_can_be_read(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.switches.paging = "circle"
    held = world.pull()
    assert [(one.source, one.key) for one in held.quarantined] == [("tribute.orders", UUID)]
    assert held.raws["tribute.orders", UUID].how == "r", "what it says by itself is stored, and counts as doubtful"
    world.simulator.switches.paging = "right"
    read = world.pull()
    assert (read.quarantined, read.raws["tribute.orders", UUID].how) == ([], "")


def test_an_inactive_shop_is_not_read():
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").respond(json=[{"id": 1, "status": 0}, {"id": 2, "status": 1}])
        listing = site.get("/shop/orders").respond(json=[])
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW)
        list(provider.feeds()[0].fetch(Window(NOW - timedelta(hours=1), NOW)))
        assert [call.request.url.params["shopId"] for call in listing.calls] == ["2"]
        provider.close()


def test_a_shop_without_an_id_is_read_as_the_only_one():
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").respond(json=[{"link": "myshop", "status": 1}])
        listing = site.get("/shop/orders").respond(json=[])
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW)
        list(provider.feeds()[0].fetch(Window(NOW - timedelta(hours=1), NOW)))
        assert "shopId" not in listing.calls[0].request.url.params
        provider.close()


def test_several_shops_without_ids_cannot_be_told_apart():
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").respond(json=[{"link": "one"}, {"link": "two"}])
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW)
        with pytest.raises(NeedsOperator, match="told apart"):
            list(provider.feeds()[0].fetch(TODAY))
        provider.close()
