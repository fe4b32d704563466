"""The simulated DigiSeller answers in the shapes of the samples, so that what passes against it means something."""

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from reconciler.strict_json import parse_json
from tests.digiseller_desk import NOW, Desk, sample


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


@pytest.fixture
def ask(desk):
    """A logged-in client of the simulator: `ask(method, path, params=…, json=…)`."""
    with httpx.Client(base_url=desk.sim.base_url, headers={"Accept": "application/json"}) as client:
        desk.pull()
        (token,) = desk.sim._tokens

        def call(method, path, **given):
            given["params"] = {"token": token, **given.get("params", {})}
            return client.request(method, path, **given)

        yield call


def shape(value):
    """Field names and kinds, one row standing for all."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value).__name__


SPAN = {"date_start": "2026-10-20 00:00:00", "date_finish": "2026-10-22 00:00:00", "rows": 4}


def test_the_sales_list_has_the_samples_shape(desk, ask):
    desk.sell(7)
    answer = ask("POST", "seller-sells/v2", json=SPAN)
    assert answer.headers["content-type"].startswith("application/json")
    assert shape(parse_json(answer.content)) == shape(sample("seller_sells_v2_page1.json"))


def test_the_empty_list_is_the_samples(ask):
    assert parse_json(ask("POST", "seller-sells/v2", json=SPAN).content) == sample("seller_sells_v2_empty.json")


def test_an_invoice_has_the_samples_fields(desk, ask):
    desk.sell(1)
    content = parse_json(ask("GET", "purchase/info/190000001").content)["content"]
    model = sample("purchase_info_paid_3.json")["content"]
    assert set(content) == set(model)
    assert shape(content["unique_code_state"]) == shape(model["unique_code_state"])
    assert parse_json(ask("GET", "purchase/info/1").content) == sample("purchase_info_not_found.json")


def test_receipts_and_chats_have_the_samples_fields(desk, ask):
    sold = desk.sim.add_sale(NOW - timedelta(days=1), chat_at=NOW)
    desk.sim.finish_refund(sold.invoice_id, receipt_at=NOW)
    content = parse_json(ask("GET", "sellers/account/receipts").content)["content"]
    model = sample("receipts_page1.json")["content"]
    assert set(content) == set(model)
    assert shape(content["items"][0]["operation"]) == shape(model["items"][0]["operation"])
    assert shape(parse_json(ask("GET", "debates/v2/chats").content)) == shape(sample("chats_live_shape.json"))
    desk.sim.switches.chats_documented_shape = True
    assert shape(parse_json(ask("GET", "debates/v2/chats").content)) == shape(sample("chats_doc_shape.json"))
    state = parse_json(ask("GET", "debates/v2/chat-state", params={"id_i": sold.invoice_id}).content)
    assert shape(state) == shape(sample("chat_state.json"))


def test_log_ins_and_refusals_have_the_samples_shape(desk):
    with httpx.Client(base_url=desk.sim.base_url, headers={"Accept": "application/json"}) as client:
        request = sample("apilogin_request.json")
        first, again = (client.post("apilogin", json=request).content for _ in range(2))
        wrong = client.post("apilogin", json={**request, "sign": "0"}).content
        lost = client.get("purchase/info/1", params={"token": "gone"})
    assert shape(parse_json(first)) == shape(sample("apilogin_ok.json"))
    assert parse_json(again) == sample("apilogin_error_timestamp_reused.json")
    assert parse_json(wrong) == sample("apilogin_error_sign.json")
    assert (lost.status_code, parse_json(lost.content)) == (401, sample("http_401_token_expired.json"))


def test_lenient_requests_are_served_as_the_real_service_serves_them(desk, ask):
    desk.sell(3)
    everything = parse_json(ask("POST", "seller-sells/v2", json=SPAN).content)
    in_query = ask("POST", "seller-sells/v2", params={**SPAN, "returned": "", "product_ids": ""})
    assert parse_json(in_query.content) == everything
    dates = {"date_start": "2026-10-20", "date_finish": "2026-10-22"}
    assert parse_json(ask("POST", "seller-sells/v2", json={**SPAN, **dates}).content) == everything
    assert ask("GET", "purchase/info/190000001/", content=b"{}").status_code == 200
    empty = {"currency": "", "type": "", "start": "", "finish": ""}
    assert parse_json(ask("GET", "sellers/account/receipts", params=empty).content)["content"]["total_count"] == 3


def test_the_filters_of_the_list_work(desk, ask):
    desk.sell(3)
    desk.sim.finish_refund(190000002)
    desk.sim.change(190000003, product_id=7)

    def refs(**given):
        rows = parse_json(ask("POST", "seller-sells/v2", json=SPAN | given).content)["rows"]
        return [row["invoice_id"] for row in rows]

    assert refs(returned=0) == [190000003, 190000002, 190000001]
    assert refs(returned=1) == [190000003, 190000001]
    assert refs(returned=2) == [190000002]
    assert refs(product_ids=[7]) == [190000003]


def test_unpaid_invoices_are_not_in_the_list(desk, ask):
    for state in (1, 2, 4):
        desk.sim.add_sale(NOW - timedelta(hours=1), state=state)
    assert parse_json(ask("POST", "seller-sells/v2", json=SPAN).content)["total_rows"] == 0


def test_a_token_ends_with_its_lifetime(desk, ask):
    desk.now += timedelta(minutes=120)
    assert ask("GET", "debates/v2/chats").status_code == 401


def test_an_unknown_call_is_a_404_of_the_api(ask):
    assert ask("GET", "purchases/unique-code/0A1B2C3D4E5F6071").status_code == 404


def test_a_page_beyond_the_last_is_empty(desk, ask):
    desk.sell(2)
    assert parse_json(ask("POST", "seller-sells/v2", json={**SPAN, "page": 9}).content)["rows"] == []
