"""Single invoices, refund receipts and chats of DigiSeller, against the simulator over HTTP."""

from datetime import timedelta

import pytest

from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Status
from tests.digiseller_desk import DAY, NOW, Desk, sample, transactions

INFO = "/api/purchase/info"


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


def state_of(desk, ref):
    (page,) = desk.read(ref)
    (state,) = page.states
    return state


def test_a_look_brings_state_claim_echoes_charge_and_raw(desk):
    sold = desk.sim.add_sale(
        NOW - timedelta(hours=2), query_string="order=A-1&account=77", external_order_id="X-9", code_state=5
    )
    (page,) = desk.read(str(sold.invoice_id))
    (state,) = page.states
    assert page.feed == "digiseller.details"
    assert (state.ref, state.found, state.state, state.claimed) == (str(sold.invoice_id), True, "3", True)
    assert (state.echoes, state.read_at) == (("A-1", "77", "X-9"), NOW)
    assert (page.transactions[0].amount_minor, page.transactions[0].listed) == (499, False)
    assert [(raw.source, raw.key) for raw in page.raws] == [("digiseller.details", str(sold.invoice_id))]


def test_a_look_gives_one_page_for_each_ref_in_their_order(desk):
    refs = desk.sell(3)
    assert [page.states[0].ref for page in desk.read(*reversed(refs))] == refs[::-1]


def test_a_look_never_asks_by_unique_code_since_that_counts_as_its_check(desk):
    desk.sell(1)
    desk.read("190000001")
    for feed in desk.provider.feeds():
        list(feed.fetch(DAY))
    list(desk.provider.check())
    assert not [call for call in desk.sim.calls if "unique-code" in call.path]
    assert desk.sim.sales[190000001].code_state == 1


def test_the_raw_record_holds_no_link_that_opens_the_goods(desk):
    desk.sell(1)
    (page,) = desk.read("190000001")
    assert page.raws[0].body["referer"].endswith("uid=***")
    assert "5e5e" not in repr(page)


def test_a_refund_is_followed_from_started_to_done(desk):
    (ref,) = desk.sell(1)
    desk.sim.start_refund(int(ref))
    started = desk.read(ref)[0].transactions[1]
    assert (started.ref, started.status, started.seller_started) == (f"{ref}:refund", Status.INITIATED, True)
    desk.sim.finish_refund(int(ref))
    done = desk.read(ref)[0].transactions[1]
    assert (done.ref, done.status, done.occurred_exact) == (started.ref, Status.COMPLETED, False)


def test_a_refund_that_was_started_and_given_up_is_withdrawn(desk):
    (ref,) = desk.sell(1)
    desk.sim.start_refund(int(ref))
    desk.read(ref)
    desk.sim.change(int(ref), state=3)
    assert desk.read(ref)[0].transactions[1].status is Status.WITHDRAWN


def test_a_notice_that_is_earlier_than_the_payment_reads_as_pending(desk):
    sold = desk.sim.add_sale(NOW - timedelta(minutes=1), state=1)
    assert desk.read(str(sold.invoice_id))[0].transactions[0].status is Status.PENDING
    assert transactions(desk.pull()) == {}
    desk.sim.change(sold.invoice_id, state=3)
    assert desk.read(str(sold.invoice_id))[0].transactions[0].status is Status.PAID


def test_an_unknown_state_is_kept_and_not_mapped(desk):
    sold = desk.sim.add_sale(NOW - timedelta(hours=1), state=42)
    (page,) = desk.read(str(sold.invoice_id))
    assert (page.states[0].state, page.transactions[0].status) == ("42", Status.UNKNOWN)


def test_a_zeroed_amount_after_a_refund_changes_no_sum(desk):
    desk.sim.switches.zero_after_refund = True
    (ref,) = desk.sell(1)
    desk.sim.finish_refund(int(ref))
    (page,) = desk.read(ref)
    assert (page.transactions, page.states[0].state, page.quarantined) == ((), "5", ())


@pytest.mark.parametrize("null", [True, False])
def test_an_invoice_without_a_code_claims_nothing(desk, null):
    desk.sim.switches.unique_code_state_null = null
    sold = desk.sim.add_sale(NOW, code_state=None)
    assert state_of(desk, str(sold.invoice_id)).claimed is None


@pytest.mark.parametrize("as_text", ["retval_text", "numbers_as_text", "extra_fields", "bom"])
def test_a_look_reads_alike_whatever_the_form_of_numbers(desk, as_text):
    (ref,) = desk.sell(1)
    plain = desk.read(ref)[0]
    setattr(desk.sim.switches, as_text, True)
    again = desk.read(ref)[0]
    assert (again.transactions, again.states, again.signals) == (plain.transactions, plain.states, plain.signals)


def test_a_bad_review_and_its_removal_are_seen(desk):
    (ref,) = desk.sell(1)
    for active, deleted in ((True, False), (False, True)):
        desk.sim.review(int(ref), "does not work", deleted=deleted)
        found = {signal.name: signal.active for signal in desk.read(ref)[0].signals}
        assert found == {"bad_review": active, "code_refuted": False}


@pytest.mark.parametrize("as_404", [True, False])
def test_an_invoice_that_digiseller_does_not_know_is_not_found(desk, as_404):
    desk.sim.switches.not_found_as_404 = as_404
    state = state_of(desk, "199999999")
    assert (state.found, state.state, state.claimed) == (False, None, None)


def test_the_sample_of_a_not_found_invoice_is_not_found_under_200_and_400(desk):
    for status in (200, 400):
        desk.sim.fault(INFO, "status", status=status, body=sample("purchase_info_not_found.json"))
        assert not state_of(desk, "190000001").found


@pytest.mark.parametrize("ref", ["", "0", "A-1", "../seller-sells/v2", "1?x=1", "１２", "9" * 19])
def test_a_ref_that_is_no_invoice_number_is_not_found_without_asking(desk, ref):
    assert not state_of(desk, ref).found
    assert desk.sim.calls == []


def failed(pages):
    """The refs whose looks failed; nothing is said about them."""
    assert all(not (page.failed and page.states) for page in pages)
    return [look.ref for page in pages for look in page.failed]


@pytest.mark.parametrize(
    ("kind", "status"), [("html", 200), ("html", 404), ("html", 503), ("status", 500), ("cut", None), ("reset", None)]
)
def test_trouble_on_the_way_never_means_not_found(desk, kind, status):
    (ref,) = desk.sell(1)
    desk.sim.fault(INFO, kind, status=status)
    assert state_of(desk, ref).found
    desk.sim.fault(INFO, kind, 99, status=status)
    assert failed(desk.read(ref)) == [ref]


@pytest.mark.parametrize(
    "text", ["Internal error", "Service temporarily unavailable", "try again later", "Превышен лимит", "Ошибка сервера"]
)
def test_a_refusal_about_the_service_itself_never_means_not_found(desk, text):
    desk.sim.fault(INFO, "status", 99, status=200, body={"retval": 9, "retdesc": text, "content": None})
    (page,) = desk.read("190000001")
    assert failed([page]) == ["190000001"]
    assert text in page.failed[0].reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"Message": "No HTTP resource was found that matches the request URI"}),
        (400, {"Message": "The request is invalid."}),
        (200, {"retval": 7, "retdesc": "Access denied", "content": None}),
        (200, {"retval": 7, "retdesc": "?", "content": {"invoice_state": 3}}),
        (200, {"content": {"invoice_state": 3}}),
    ],
)
def test_an_unclear_refusal_is_put_aside_for_a_person_and_the_others_go_on(desk, status, body):
    (ref,) = desk.sell(1)
    desk.sim.fault(INFO, "status", status=status, body=body)
    doubtful, clear = desk.read("199999999", ref)
    assert (doubtful.states, [aside.key for aside in doubtful.quarantined]) == ((), ["199999999"])
    assert clear.states[0].found


def test_401_on_a_look_means_a_new_log_in_and_then_an_operator(desk):
    (ref,) = desk.sell(1)
    desk.read(ref)
    desk.sim.expire_tokens()
    assert state_of(desk, ref).found
    desk.sim.fault(INFO, "status", 2, status=401)
    with pytest.raises(NeedsOperator):
        desk.read(ref)


def test_a_refusal_under_any_other_status_never_means_not_found(desk):
    desk.sim.fault(INFO, "status", 99, status=406, body=sample("purchase_info_not_found.json"))
    (page,) = desk.read("190000001")
    assert failed([page]) == ["190000001"]
    assert "406" in page.failed[0].reason


def test_an_invoice_that_cannot_be_read_is_named_and_keeps_back_none_of_the_others(desk):
    refs = desk.sell(4)
    desk.sim.fault(f"{INFO}/{refs[1]}", "status", 99)
    pages = desk.read(*refs)
    assert [state.ref for page in pages for state in page.states] == [refs[0], refs[2], refs[3]]
    assert failed(pages) == [refs[1]]


def test_a_service_that_is_down_is_not_asked_for_every_invoice(desk):
    refs = desk.sell(6)
    desk.sim.fault(INFO, "status", 999)
    with pytest.raises(Retryable):
        desk.read(*refs)
    assert {call.path for call in desk.sim.called(INFO)} == {f"{INFO}/{ref}" for ref in refs[:3]}
