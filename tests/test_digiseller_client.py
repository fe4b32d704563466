"""Log-in, token, limits and refusals of DigiSeller, against the simulator over HTTP."""

import hashlib
from datetime import timedelta

import httpx
import pytest
import respx

from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Window
from tests.digiseller_desk import DAY, Desk, body, charges, drained, sample

SELLS, LOGIN = "/api/seller-sells/v2", "/api/apilogin"


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


def test_the_log_in_is_signed_as_documented(desk):
    request = sample("apilogin_request.json")
    assert hashlib.sha256(f"TEST_API_KEY_0001{request['timestamp']}".encode()).hexdigest() == request["sign"]
    desk.pull()
    sent = body(desk.sim.called(LOGIN)[0])
    assert sent["timestamp"] == int(desk.now.timestamp())
    assert sent["sign"] == hashlib.sha256(f"{desk.sim.api_key}{sent['timestamp']}".encode()).hexdigest()
    assert sent["seller_id"] == 100001


def test_each_log_in_uses_a_new_timestamp_even_within_one_second(desk):
    for _ in range(3):
        desk.clock_s += 110 * 60
        desk.pull()
    stamps = [body(call)["timestamp"] for call in desk.sim.called(LOGIN)]
    assert len(set(stamps)) == 3
    assert desk.waits == []


def test_a_timestamp_that_someone_else_used_is_tried_again_after_a_second(desk):
    desk.build().close()
    other = desk.build()
    list(other.feeds()[0].fetch(DAY))
    other.close()
    assert drained(desk.pull()) == [DAY]
    assert desk.waits == [1.1]


def test_a_timestamp_that_is_called_used_for_ever_ends_in_a_retryable_error(desk):
    desk.sim.fault(LOGIN, "status", 99, status=200, body=sample("apilogin_error_timestamp_reused.json"))
    with pytest.raises(Retryable, match="timestamp"):
        desk.pull()
    assert desk.waits == [1.1] * 5


def test_a_wrong_key_needs_an_operator_who_is_told_where_to_look(desk):
    provider = desk.build(api_key="WRONG_KEY")
    with pytest.raises(NeedsOperator, match=r"refuses the API key \(retval -1: sign .*providers.digiseller\].*api_key"):
        list(provider.feeds()[0].fetch(DAY))
    provider.close()
    assert len(desk.sim.called(LOGIN)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_log_in_needs_an_operator(desk, status):
    desk.sim.fault(LOGIN, "status", status=status)
    with pytest.raises(NeedsOperator, match=f"HTTP {status}"):
        desk.pull()


def test_the_text_of_a_refusal_is_read_from_desc_endesc_or_retdesc(desk):
    for name in ("desc", "endesc", "retdesc"):
        desk.sim.fault(LOGIN, "status", status=200, body={"retval": "-7", name: "неверный ключ"})
        with pytest.raises(NeedsOperator, match="retval -7: неверный ключ"):
            desk.pull()


def test_a_log_in_without_verdict_or_token_is_tried_again(desk):
    desk.sim.fault(LOGIN, "status", status=200, body={"Message": "An error has occurred."})
    assert drained(desk.pull()) == [DAY]
    desk.clock_s += 110 * 60
    desk.sim.fault(LOGIN, "status", status=200, body={"retval": 0, "token": None})
    with pytest.raises(Retryable, match="no token"):
        desk.pull()


@pytest.mark.parametrize("zone", [True, False])
def test_the_form_of_valid_thru_does_not_matter(desk, zone):
    desk.sim.switches.valid_thru_zone = zone
    assert drained(desk.pull()) == [DAY]


def test_the_token_is_kept_for_110_minutes_of_the_monotonic_clock(desk):
    desk.pull()
    desk.clock_s = 110 * 60 - 1
    desk.now += timedelta(minutes=119)
    desk.pull()
    assert len(desk.sim.called(LOGIN)) == 1
    desk.clock_s = 110 * 60
    desk.pull()
    assert len(desk.sim.called(LOGIN)) == 2


def test_a_token_that_expires_in_mid_pass_is_replaced_once_and_nothing_is_lost(desk):
    refs = desk.sell(1500, timedelta(seconds=30))
    pages = desk.provider.feeds()[0].fetch(DAY)
    first = next(pages)
    desk.sim.expire_tokens()
    rest = list(pages)
    assert charges([first, *rest]) == sorted(refs)
    assert drained(rest) == [DAY]
    assert len(desk.sim.called(LOGIN)) == 2


def test_a_second_401_after_a_fresh_log_in_needs_an_operator(desk):
    desk.sim.fault(SELLS, "status", 2, status=401, body=sample("http_401_token_expired.json"))
    with pytest.raises(NeedsOperator, match=r"seller-sells/v2 .after a fresh log-in too: HTTP 401.: .*'Statistics'"):
        desk.pull()
    assert len(desk.sim.called(LOGIN)) == 2


def test_a_token_refused_by_text_is_replaced_once(desk):
    desk.sim.fault(SELLS, "status", status=200, body={"retval": 5, "retdesc": "token is invalid"})
    assert drained(desk.pull()) == [DAY]
    assert len(desk.sim.called(LOGIN)) == 2


def test_it_does_not_matter_whether_a_new_log_in_ends_the_older_token(desk):
    desk.sim.switches.new_login_ends_old_token = True
    desk.pull()
    desk.now += timedelta(seconds=5)
    other = desk.build()
    list(other.feeds()[0].fetch(DAY))
    assert drained(desk.pull()) == [DAY]
    other.close()


def test_http_200_with_a_retval_is_an_error_and_may_pass(desk):
    refs = desk.sell(3)
    desk.sim.fault(SELLS, "status", status=200, body=sample("seller_sells_v2_error.json"))
    assert charges(desk.pull()) == refs
    assert len(desk.waits) == 1


def test_http_200_with_a_retval_never_reads_as_an_empty_list(desk):
    desk.sell(3)
    desk.sim.fault(SELLS, "status", 99, status=200, body={**sample("seller_sells_v2_error.json"), "rows": []})
    with pytest.raises(Retryable, match="retval 1: date_start"):
        desk.pull()


def test_retval_may_be_text(desk):
    refs = desk.sell(3)
    desk.sim.switches.retval_text = True
    assert charges(desk.pull()) == refs
    desk.sim.fault(SELLS, "status", 99, status=200, body={"retval": "1", "retdesc": "x", "rows": [], "total_rows": 0})
    with pytest.raises(Retryable, match="retval 1"):
        desk.pull()


def test_russian_texts_and_lists_of_errors_reach_the_operator(desk):
    answer = {"retval": 3, "retdesc": None, "errors": [{"code": "x", "message": "Сервис перегружен"}]}
    desk.sim.fault(SELLS, "status", 99, status=200, body=answer)
    with pytest.raises(Retryable, match="Сервис перегружен"):
        desk.pull()


@pytest.mark.parametrize("text", ["недостаточно прав", "Permission denied"])
def test_a_missing_right_told_in_words_needs_an_operator(desk, text):
    desk.sim.fault(SELLS, "status", status=200, body={"retval": 3, "retdesc": text})
    with pytest.raises(NeedsOperator, match=f"{text}.*'Statistics'"):
        desk.pull()


@pytest.mark.parametrize(
    ("feed", "prefix", "right"),
    [
        ("digiseller.sales", "seller-sells", "Statistics"),
        ("digiseller.receipts", "sellers/account", "Operations"),
        ("digiseller.chats", "debates", "Correspondence with buyers"),
    ],
)
def test_a_403_needs_an_operator_and_names_the_right(desk, feed, prefix, right):
    desk.sim.switches.forbidden = (prefix,)
    with pytest.raises(NeedsOperator, match=right):
        desk.pull(feed)


@pytest.mark.parametrize("kind", ["html", "cut", "reset", "hang", "bom", "not_json", "status", "retry_after"])
def test_a_fault_on_the_way_is_outlived(desk, kind):
    refs = desk.sell(5)
    desk.sim.fault(SELLS, kind, seconds=0.05)
    pages = desk.pull()
    assert (charges(pages), drained(pages)) == (refs, [DAY])
    assert len(desk.sim.called(SELLS)) == (1 if kind == "bom" else 2)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_maintenance_page_is_never_an_answer(desk, status):
    desk.sell(5)
    desk.sim.fault(SELLS, "html", 99, status=status)
    with pytest.raises(Retryable, match="503" if status == 503 else "page instead of data"):
        desk.pull()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no complete JSON"),
        (b"[]", "a list instead of an object"),
        (b'"text"', "a str instead"),
        ('<?xml version="1.0" encoding="windows-1251"?><a>Ошибка</a>'.encode("cp1251"), "a page instead of data"),
        ('{"retval": 0, "retdesc": "Ошибка"}'.encode("cp1251"), "no complete JSON"),
        (b'{"retval": 0, "total_rows": NaN, "pages": 1, "rows": []}', "no complete JSON"),
        (b'{"retval": 0, "total_rows": 0, "pages": 1}', "not in its shape"),
        (b'{"retval": 0, "total_rows": null, "pages": 1, "rows": []}', "total_rows"),
        (b'{"retval": 0, "total_rows": 0, "pages": 1, "rows": {}}', "not in its shape"),
        (b'{"retval": null, "total_rows": 0, "pages": 1, "rows": []}', "verdict"),
        (b'{"total_rows": 0, "pages": 1, "rows": []}', "not in its shape"),
    ],
)
def test_anything_but_a_whole_answer_in_full_shape_is_a_failed_read(desk, content, what):
    login = httpx.Response(200, json=sample("apilogin_ok.json"))
    with respx.mock(base_url="http://127.0.0.1:9") as web:
        web.post("/api/apilogin").mock(return_value=login)
        web.post("/api/seller-sells/v2").mock(return_value=httpx.Response(200, content=content))
        provider = desk.build(base_url="http://127.0.0.1:9/api/")
        with pytest.raises(Retryable, match=what):
            list(provider.feeds()[0].fetch(DAY))
        provider.close()


def test_json_is_asked_for_since_without_accept_the_answer_is_xml(desk):
    desk.pull()
    assert all(call.headers["accept"] == "application/json" for call in desk.sim.calls)
    xml = httpx.post(f"{desk.sim.base_url}apilogin", json={}, headers={"Accept": "*/*"})
    assert xml.headers["content-type"] == "application/xml"


def test_a_429_without_retry_after_waits_one_period_and_then_twice_as_long(desk):
    desk.provider.close()
    desk.provider = desk.build(sells_per_minute=4)
    desk.sim.fault(SELLS, "status", 2, status=429, body=sample("http_429.json"))
    assert drained(desk.pull()) == [DAY]
    assert desk.waits == [15.0, 30.0]


def test_waits_never_exceed_a_minute_and_end_after_six_tries(desk):
    desk.provider.close()
    desk.provider = desk.build(sells_per_minute=7)
    desk.sim.fault(SELLS, "status", 99, status=429)
    with pytest.raises(Retryable, match="429"):
        desk.pull()
    assert len(desk.sim.called(SELLS)) == 6
    assert max(desk.waits) == 60.0


def test_a_429_with_retry_after_waits_as_long_as_it_says(desk):
    desk.sim.fault(SELLS, "retry_after", seconds=7)
    desk.pull()
    assert desk.waits == [7.0]


def test_the_simulator_refuses_the_fifth_call_within_its_period(desk):
    desk.sim.switches.sells_limit = 4
    desk.sim.switches.retry_after_s = 16
    for _ in range(4):
        assert drained(desk.pull()) == [DAY]
    with pytest.raises(Retryable, match="429"):
        desk.pull()
    assert set(desk.waits) == {16.0}


def test_an_empty_window_is_asked_and_drained(desk):
    window = Window(desk.now, desk.now)
    assert drained(desk.pull(window=window)) == [window]


def test_an_empty_list_under_an_error_status_is_no_answer(desk):
    desk.sell(3)
    desk.sim.fault(SELLS, "status", 99, status=400, body=sample("seller_sells_v2_empty.json"))
    with pytest.raises(Retryable, match="400"):
        desk.pull()
