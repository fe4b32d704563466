"""The simulated Tribute answers as the stored samples do, and refuses what Tribute refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from providers.simulators.tribute import TributeSimulator
from tests.tribute_world import KEY, NOW, OTHER, UUID, error_sample, sample


@pytest.fixture
def simulator() -> Iterator[TributeSimulator]:
    with TributeSimulator(now=lambda: NOW, shops=(1, 7)) as simulator:
        yield simulator


def get(simulator: TributeSimulator, path: str, key: str = KEY, **params) -> httpx.Response:
    return httpx.get(f"{simulator.base_url}{path}", params=params, headers={"Api-Key": key})


def forms(record: dict) -> dict[str, type]:
    return {name: type(value) for name, value in record.items()}


def test_its_orders_have_the_fields_and_types_of_the_sample(simulator):
    simulator.add_order(UUID, status="paid", created_at=NOW, email="a@b.c", customer_id="order-1", comment="note")
    (order,) = get(simulator, "/shop/orders").json()
    wanted = forms(sample("api/get_shop_order.json"))
    assert forms(order).items() <= wanted.items()
    assert set(wanted) - set(order) == {"webappPaymentUrl"}


def test_its_transactions_have_the_fields_and_types_of_the_sample(simulator):
    simulator.add_order(UUID, status="paid", created_at=NOW)
    page = get(simulator, f"/shop/orders/{UUID}/transactions").json()
    wanted = sample("api/get_shop_order_transactions.json")
    assert forms(page) == forms(wanted)
    assert forms(page["transactions"][0]) == forms(wanted["transactions"][0])
    assert (page["transactions"][0]["amount"], page["transactions"][0]["total"]) == (1000, 920)


def test_its_goods_have_the_fields_and_wrapper_of_the_sample(simulator):
    simulator.add_physical(12345)
    page = get(simulator, "/physical/orders", page=1).json()
    wanted = sample("api/get_physical_orders.json")
    assert set(page) == set(wanted)
    assert set(page["rows"][0]) == set(wanted["rows"][0])
    assert page["meta"] == {"total": 1, "offset": 1, "limit": 50}
    assert get(simulator, "/physical/orders/12345").json() == page["rows"][0]
    assert get(simulator, "/physical/orders/6").status_code == 404


def test_its_shops_have_the_fields_and_types_of_the_sample(simulator):
    shops = get(simulator, "/shops").json()
    assert [shop["id"] for shop in shops] == [1, 7]
    assert forms(shops[0]) == forms(sample("api/get_shops.json")[0])


def test_its_json_is_compact_and_escaped_as_go_writes_it(simulator):
    simulator.add_order(UUID, title="A < B", created_at=NOW)
    body = get(simulator, "/shop/orders").content
    assert b'"title":"A \\u003c B"' in body
    assert b"Credits \\u0026 more" in body


def test_its_orders_of_a_day_are_utc_days_newest_first(simulator):
    simulator.add_order(UUID, created_at=datetime(2026, 11, 22, 0, 0, tzinfo=UTC))
    simulator.add_order(OTHER, created_at=datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))
    simulator.add_order(created_at=datetime(2026, 11, 23, 0, 0, tzinfo=UTC))
    found = get(simulator, "/shop/orders", dateFrom="2026-11-22", dateTo="2026-11-22").json()
    assert [order["uuid"] for order in found] == [OTHER, UUID]


def test_its_transactions_come_twenty_to_a_page_with_a_text_to_go_on(simulator):
    simulator.add_order(UUID, status="paid", period="monthly", created_at=NOW)
    for _ in range(20):
        simulator.charge_again(UUID)
    first = get(simulator, f"/shop/orders/{UUID}/transactions").json()
    last = get(simulator, f"/shop/orders/{UUID}/transactions", startFrom=first["nextFrom"]).json()
    assert (len(first["transactions"]), first["nextFrom"]) == (20, "20")
    assert (len(last["transactions"]), last["nextFrom"]) == (1, "")


def test_without_a_shop_id_the_oldest_shop_answers(simulator):
    simulator.add_order(UUID, shop_id=7, created_at=NOW)
    assert get(simulator, "/shop/orders").json() == []
    assert get(simulator, f"/shop/orders/{UUID}").status_code == 403
    assert get(simulator, f"/shop/orders/{UUID}", shopId=7).json()["uuid"] == UUID
    assert get(simulator, f"/shop/orders/{UUID}/status", shopId=7).json() == {"status": "pending"}


@pytest.mark.parametrize(("shape", "name"), [("shop", "shop_401.json"), ("creator", "creator_401.json")])
def test_its_refusals_have_the_shapes_of_the_samples(simulator, shape, name):
    simulator.switches.errors = shape
    answer = get(simulator, "/shops", key="wrong")
    status, body = error_sample(name)
    assert answer.status_code == status
    assert answer.json() | {"requestId": ""} == body | {"requestId": ""}


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/shop/orders", {"shopId": "9"}, 404),
        ("/shop/orders", {"dateFrom": "22.11.2026"}, 400),
        (f"/shop/orders/{UUID}", {}, 404),
        (f"/shop/orders/{UUID}/receipts", {}, 404),
        ("/physical/orders", {}, 404),
        ("/balance", {}, 404),
    ],
)
def test_it_refuses_what_is_not_there(simulator, path, params, status):
    assert get(simulator, path, **params).status_code == status


def test_it_does_not_answer_outside_its_base(simulator):
    assert httpx.get(f"{simulator.url}/shops", headers={"Api-Key": KEY}).status_code == 404
