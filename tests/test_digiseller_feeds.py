"""Refund receipts and chats of DigiSeller, against the simulator over HTTP."""

from datetime import timedelta, timezone

import pytest

from providers.digiseller import feeds, parse
from reconciler.errors import BadRecord, Retryable
from reconciler.model import Status
from tests.digiseller_desk import DAY, NOW, Desk, drained, gaps, sample, transactions


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


def refund(desk, paid, back, **fields):
    sold = desk.sim.add_sale(paid, **fields)
    desk.sim.finish_refund(sold.invoice_id, receipt_at=back)
    return f"{sold.invoice_id}:refund"


def test_receipts_tell_when_money_went_back(desk):
    back = NOW - timedelta(hours=3)
    ref = refund(desk, NOW - timedelta(days=50), back)
    desk.sim.add_sale(NOW - timedelta(hours=3))
    (page,) = desk.pull("digiseller.receipts")
    (found,) = page.transactions
    assert (found.ref, found.occurred_at, found.occurred_exact) == (ref, back, True)
    assert (found.amount_minor, found.currency, found.status) == (499, "WMZ", Status.COMPLETED)
    assert (page.feed, page.drained) == ("digiseller.receipts", DAY)
    assert [raw.source for raw in page.raws] == ["digiseller.receipts"]
    query = desk.sim.calls[-1].query
    assert (query["type"], query["count"], query["page"]) == ("refund", "200", "1")


def test_a_receipt_may_come_later_than_the_returned_flag_or_never(desk):
    (ref,) = desk.sell(1)
    desk.sim.finish_refund(int(ref))
    assert not transactions(desk.pull("digiseller.receipts"))
    assert not transactions(desk.pull())[f"{ref}:refund"].occurred_exact
    desk.sim.change(int(ref), refunded_at=NOW - timedelta(minutes=5))
    assert transactions(desk.pull("digiseller.receipts"))[f"{ref}:refund"].occurred_exact


@pytest.mark.parametrize("hours", [0, 3])
@pytest.mark.parametrize("back", [DAY.since, DAY.until - timedelta(seconds=1)])
def test_a_refund_at_the_edge_is_read_whichever_zone_the_bounds_are_in(desk, hours, back):
    desk.sim.switches.receipts_zone = timezone(timedelta(hours=hours))
    ref = refund(desk, NOW - timedelta(days=3), back)
    assert list(transactions(desk.pull("digiseller.receipts"))) == [ref]


def test_receipts_are_read_to_the_last_page(desk, monkeypatch):
    monkeypatch.setattr(feeds, "COUNT", 2)
    refs = [refund(desk, NOW - timedelta(days=3), NOW - timedelta(hours=hour)) for hour in range(1, 6)]
    pages = desk.pull("digiseller.receipts")
    assert sorted(transactions(pages)) == refs
    assert [page.drained for page in pages] == [None, None, DAY]


def test_receipts_without_end_are_given_up_with_a_gap(desk, monkeypatch):
    monkeypatch.setattr(feeds, "COUNT", 1)
    monkeypatch.setattr(feeds, "MAX_PAGES", 2)
    for hour in range(1, 6):
        refund(desk, NOW - timedelta(days=3), NOW - timedelta(hours=hour))
    pages = desk.pull("digiseller.receipts")
    assert (drained(pages), gaps(pages)) == ([], [DAY])


def test_other_operations_are_passed_over_where_the_filter_does_not_work(desk):
    desk.sim.switches.receipts_ignore_filters = True
    desk.sell(2)
    ref = refund(desk, NOW - timedelta(days=3), NOW - timedelta(hours=1))
    (page,) = desk.pull("digiseller.receipts")
    assert ([found.ref for found in page.transactions], page.quarantined) == ([ref], ())


def test_a_second_refund_operation_of_one_invoice_is_put_aside(desk):
    back = NOW - timedelta(hours=1)
    ref = refund(desk, NOW - timedelta(days=3), back)
    item = sample("receipts_page1.json")["content"]["items"][0]
    taken = {}
    item["operation"]["id"] = int(ref.partition(":")[0])
    feeds._receipts_page([item], taken)
    page = feeds._receipts_page([{**item, "account_operation_id": 5}, item], taken)
    assert ([aside.key for aside in page.quarantined], len(page.transactions)) == (["5"], 1)


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"items": [], "has_next_page": "perhaps"},
        {"has_next_page": False},
        {"items": {}, "has_next_page": False},
    ],
)
def test_receipts_out_of_shape_are_a_failed_read(desk, content):
    desk.sim.fault("/api/sellers", "status", 99, status=200, body={"retval": 0, "content": content})
    with pytest.raises(Retryable):
        desk.pull("digiseller.receipts")


def test_an_unreadable_receipt_is_put_aside_and_the_others_go_on(desk):
    items = sample("receipts_page1.json")["content"]["items"]
    broken = {"account_operation_id": 9, "operation": {"type": "refund", "id": 3, "price": "x", "currency": "WMZ"}}
    body = {"items": [broken, *items], "has_next_page": "false"}
    page = feeds._receipts_page(*(feeds._receipts({"retval": 0, "content": body})[:1]), {})
    assert ([aside.key for aside in page.quarantined], len(page.transactions)) == (["9"], 1)


@pytest.mark.parametrize("documented", [True, False])
def test_chats_are_read_in_both_shapes(desk, documented):
    desk.sim.switches.chats_documented_shape = documented
    desk.sell(3)
    recent = NOW - timedelta(hours=1)
    desk.sim.change(190000001, chat_at=recent, chat_state=2)
    desk.sim.change(190000002, chat_at=recent - timedelta(minutes=1), chat_state=1)
    (page,) = desk.pull("digiseller.chats")
    found = {signal.ref: (signal.name, signal.active, signal.occurred_at) for signal in page.signals}
    assert found["190000001"] == ("chat_by_administration", True, recent)
    assert found["190000002"][1] is False
    assert (page.feed, page.drained) == ("digiseller.chats", DAY)
    assert [(raw.source, raw.body["chat_state"]) for raw in page.raws] == [
        ("digiseller.chats", 2),
        ("digiseller.chats", 1),
    ]


def test_both_samples_of_chats_hold_the_same_chat():
    live, documented = (feeds._chats(sample(f"chats_{name}_shape.json")) for name in ("live", "doc"))
    assert [[item["id_i"] for item in items] for items, _ in (live, documented)] == [[190000003]] * 2
    assert live[1] == documented[1] == 1


def test_only_chats_with_a_message_in_the_window_are_looked_at(desk):
    desk.sell(3)
    for number, when in enumerate([DAY.since - timedelta(seconds=1), DAY.since, DAY.until], 190000001):
        desk.sim.change(number, chat_at=when, chat_state=2)
    (page,) = desk.pull("digiseller.chats")
    assert [signal.ref for signal in page.signals] == ["190000002"]
    assert [call.query["id_i"] for call in desk.sim.called("/api/debates/v2/chat-state")] == ["190000002"]


def test_every_page_of_chats_is_read_since_their_order_is_not_promised(desk, monkeypatch):
    monkeypatch.setattr(feeds, "COUNT", 2)
    refs = desk.sell(5)
    for number, ref in enumerate(refs):
        desk.sim.change(int(ref), chat_at=NOW - timedelta(hours=1, minutes=number))
    pages = desk.pull("digiseller.chats")
    assert sorted(signal.ref for page in pages for signal in page.signals) == refs
    assert [page.drained for page in pages] == [None, None, DAY]


def test_a_chat_that_does_not_tell_its_state_is_put_aside_and_the_others_go_on(desk):
    desk.sell(2)
    for number in (190000001, 190000002):
        desk.sim.change(number, chat_at=NOW - timedelta(hours=1), chat_state=2)
    desk.sim.fault("/api/debates/v2/chat-state", "status", status=404, body={"retval": 1, "retdesc": "no chat"})
    (page,) = desk.pull("digiseller.chats")
    assert (len(page.signals), len(page.quarantined)) == (1, 1)
    assert "no chat" in page.quarantined[0].reason
    assert page.drained == DAY


def test_a_chat_without_an_invoice_is_put_aside(desk):
    page = feeds._chats_page(desk.provider._client, DAY, [{"id_i": 0, "last_date": "2026-10-20 14:05:00"}, "text"])
    assert (len(page.quarantined), page.signals) == (2, ())


def test_xml_in_place_of_chats_is_asked_for_again(desk):
    desk.sim.fault("/api/debates/v2/chats", "not_json")
    assert drained(desk.pull("digiseller.chats")) == [DAY]
    assert len(desk.sim.called("/api/debates/v2/chats")) == 2


def test_a_chat_state_under_an_error_status_is_not_believed(desk):
    (ref,) = desk.sell(1)
    desk.sim.change(int(ref), chat_at=NOW - timedelta(hours=1))
    desk.sim.fault("/api/debates/v2/chat-state", "status", status=400, body={"chat_state": 2})
    (page,) = desk.pull("digiseller.chats")
    assert (page.signals, [aside.key for aside in page.quarantined]) == ((), [ref])


@pytest.mark.parametrize(
    ("feed", "place", "body"),
    [
        ("receipts", "/api/sellers", {"retval": 0, "content": {"items": None, "has_next_page": True}}),
        ("chats", "/api/debates/v2/chats", {"pages": 3, "chats": []}),
    ],
)
def test_a_list_that_promises_more_and_gives_nothing_ends_in_a_gap(desk, feed, place, body):
    desk.sim.fault(place, "status", 99, status=200, body=body)
    pages = desk.pull(f"digiseller.{feed}")
    assert (drained(pages), gaps(pages)) == ([], [DAY])
    assert len(desk.sim.called(place)) == 1


@pytest.mark.parametrize(("state", "active"), [(0, False), (1, False), (2, True), ("2", True)])
def test_a_chat_that_the_administration_opened_is_a_signal(state, active):
    signal = parse.chat_signal("190000003", {"chat_state": state}, NOW)
    assert (signal.name, signal.active, signal.occurred_at) == ("chat_by_administration", active, NOW)


def test_an_unknown_chat_state_is_a_bad_record():
    with pytest.raises(BadRecord, match="unknown chat_state 3"):
        parse.chat_signal("190000003", {"chat_state": 3}, NOW)
