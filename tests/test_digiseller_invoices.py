"""What a look at one DigiSeller invoice says: its state, its money, its signals, and whatever else may come."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.digiseller import parse
from reconciler.model import Status
from tests.digiseller_desk import NOW, info, row, values


@pytest.mark.parametrize(
    ("name", "status", "refund"),
    [
        ("purchase_info_awaiting_1.json", Status.PENDING, None),
        ("purchase_info_paid_3.json", Status.PAID, Status.WITHDRAWN),
        ("purchase_info_refund_pending_35.json", Status.PAID, Status.INITIATED),
        ("purchase_info_refunded_5.json", Status.PAID, Status.COMPLETED),
    ],
)
def test_invoice_states_map_to_charge_and_refund(name, status, refund):
    found = parse.details("190000001", info(name), NOW).transactions
    assert found[0].status is status
    assert [other.status for other in found[1:]] == ([refund] if refund else [])
    assert not any(other.listed or other.occurred_exact for other in found[1:])


@pytest.mark.parametrize("state", [2, 4])
def test_declined_and_overdue_invoices_are_failed_charges(state):
    assert [found.status for found in parse.details("1", info(invoice_state=state), NOW).transactions] == [
        Status.FAILED
    ]


def test_a_refund_that_the_seller_started_says_so():
    refund = parse.details("190000010", info("purchase_info_refund_pending_35.json"), NOW).transactions[1]
    assert (refund.ref, refund.seller_started, refund.amount_minor) == ("190000010:refund", True, 999)
    done = parse.details("190000004", info("purchase_info_refunded_5.json"), NOW).transactions[1]
    assert (done.ref, done.seller_started) == ("190000004:refund", False)


def test_an_unknown_invoice_state_is_kept_as_text_and_not_mapped():
    page = parse.details("1", info(invoice_state=77), NOW)
    assert (page.transactions[0].status, page.transactions[0].reason) == (Status.UNKNOWN, "invoice_state 77")
    assert page.states[0].state == "77"
    assert len(page.transactions) == 1


def test_a_look_at_one_invoice_knows_amount_net_and_times():
    charge = parse.details("190000001", info(profit="4.71"), NOW).transactions[0]
    assert (charge.amount_minor, charge.currency, charge.fee_minor, charge.listed) == (499, "WMZ", 28, False)
    assert charge.occurred_at == datetime(2026, 10, 20, 9, 0, 5, tzinfo=UTC)
    assert (charge.product_id, charge.buyer_email) == ("2000101", "alice@example.com")


def test_the_fee_of_a_refunded_invoice_is_unknown_since_its_net_may_be_zeroed():
    charge = parse.details("190000004", info("purchase_info_refunded_5.json", profit=Decimal("0.0")), NOW).transactions[
        0
    ]
    assert (charge.fee_minor, charge.amount_minor) == (None, 999)


def test_an_unpaid_invoice_is_dated_by_its_purchase():
    charge = parse.details("190000009", info("purchase_info_awaiting_1.json"), NOW).transactions[0]
    assert charge.occurred_at == datetime(2026, 10, 20, 9, 0, 1, tzinfo=UTC)


def test_a_sum_zeroed_by_the_refund_is_left_to_the_sales_list():
    page = parse.details("190000004", info("purchase_info_refunded_5.json", amount=Decimal("0.0")), NOW)
    assert page.transactions == ()
    assert (page.states[0].found, page.states[0].state, page.quarantined) == (True, "5", ())


@pytest.mark.parametrize(
    ("code", "claimed"),
    [
        (None, None),
        ({"state": None}, None),
        ({"state": 1}, False),
        ({"state": "1"}, False),
        ({"state": 5}, True),
        ({"state": 2}, True),
        ({"state": 3}, True),
        ({"state": 4, "date_refuted": "20.10.2026 14:00:00"}, True),
    ],
)
def test_a_code_is_claimed_once_its_state_is_not_1(code, claimed):
    assert parse.details("1", info(unique_code_state=code), NOW).states[0].claimed is claimed


def signals(page):
    return {signal.name: signal for signal in page.signals}


def test_a_refuted_code_and_a_bad_review_are_signals():
    found = signals(parse.details("190000003", info("purchase_info_paid_bad_feedback.json"), NOW))
    assert found["code_refuted"].active
    assert found["code_refuted"].occurred_at == datetime(2026, 10, 20, 11, 0, tzinfo=UTC)
    assert (found["bad_review"].active, found["bad_review"].text) == (True, "Code does not work")
    assert found["bad_review"].occurred_at == datetime(2026, 10, 20, 10, 30, tzinfo=UTC)


def test_a_signal_ends_when_its_cause_is_gone():
    content = info("purchase_info_paid_bad_feedback.json")
    content["feedback"]["deleted"] = True
    content["unique_code_state"]["state"] = 3
    assert [signal.active for signal in parse.details("190000003", content, NOW).signals] == [False, False]


def test_a_good_review_is_no_signal():
    review = {"deleted": False, "feedback": "thanks", "feedback_type": "positive", "comment": None}
    assert not signals(parse.details("1", info(feedback=review), NOW))["bad_review"].active


def test_a_refutation_without_a_readable_date_still_counts():
    found = signals(parse.details("1", info(unique_code_state={"state": 4, "date_refuted": "???"}), NOW))
    assert (found["code_refuted"].active, found["code_refuted"].occurred_at) == (True, None)


def test_text_that_databases_refuse_is_made_storable_everywhere():
    found = parse.sale(row(product_name="a\x00b\ud800", email="e\x00@x.y")).charge
    assert (found.title, found.buyer_email) == ("a\ufffdb?", "e\ufffd@x.y")
    content = info(name="\x00", feedback={"feedback_type": "negative", "feedback": "no\x00!"})
    assert signals(parse.details("1", content, NOW))["bad_review"].text == "no\ufffd!"


def test_an_invoice_that_cannot_be_understood_is_put_aside_with_what_is_known():
    page = parse.details("190000001", info(amount="a lot"), NOW)
    assert page.transactions == ()
    assert [raw.read_at for raw in page.raws] == [NOW], "the state that it tells is dated by the look"
    assert page.states[0].state == "3"
    assert (page.quarantined[0].source, page.quarantined[0].key) == ("digiseller.details", "190000001")
    assert "amount" in page.quarantined[0].reason


def test_a_broken_part_of_an_invoice_does_not_hide_its_state():
    page = parse.details("190000001", info(feedback="bad"), NOW)
    assert (page.signals, page.states[0].claimed) == ((), False)
    assert page.transactions[0].amount_minor == 499
    assert "feedback" in page.quarantined[0].reason


@pytest.mark.parametrize("content", [None, [], {}, {"invoice_state": None}])
def test_an_invoice_without_a_state_says_nothing_about_the_charge(content):
    page = parse.details("190000001", content, NOW)
    assert (page.states, page.transactions, len(page.quarantined)) == ((), (), 1)


@given(st.dictionaries(st.sampled_from(sorted(info())), values))
def test_no_invoice_whatsoever_breaks_the_parser(changes):
    page = parse.details("190000001", info(**changes), NOW)
    assert page.raws or page.quarantined
