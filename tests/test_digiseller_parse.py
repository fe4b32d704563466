"""DigiSeller's records as values: dates, numbers, echoes, secrets, and what is put aside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.digiseller import parse
from reconciler.errors import BadRecord
from reconciler.model import Kind, Status
from reconciler.text import code_hash
from tests.digiseller_desk import NOW, sample


def row(**changes):
    return sample("seller_sells_v2_page1.json")["rows"][0] | changes


def info(name="purchase_info_paid_3.json", /, **changes):
    return sample(name)["content"] | changes


def test_a_sale_row_becomes_a_paid_charge():
    charge = parse.sale(row(product_entry="0A1B2C3D4E5F6071", email=" Erin@Example.COM ")).charge
    assert (charge.provider, charge.ref, charge.group_ref) == ("digiseller", "190000007", "190000007")
    assert (charge.kind, charge.status) == (Kind.CHARGE, Status.PAID)
    assert (charge.amount_minor, charge.currency, charge.fee_minor) == (499, "WMZ", 28)
    assert charge.occurred_at == datetime(2026, 10, 20, 15, 20, 11, tzinfo=UTC)
    assert charge.occurred_text == "2026-10-20 18:20:11"
    assert (charge.product_id, charge.title) == ("2000101", "VPN access, 30 days")
    assert charge.buyer_email == "erin@example.com"
    assert charge.code_hash == code_hash("0A1B2C3D4E5F6071") is not None


def test_every_sample_row_is_understood_with_its_own_currency():
    rows = sample("seller_sells_v2_page1.json")["rows"] + sample("seller_sells_v2_page2.json")["rows"]
    sums = {sale.charge.ref: (sale.charge.amount_minor, sale.charge.currency) for sale in map(parse.sale, rows)}
    assert sums == {
        "190000001": (499, "WMZ"),
        "190000002": (499, "WMZ"),
        "190000003": (49900, "WMR"),
        "190000004": (999, "WMZ"),
        "190000005": (1250, "WMZ"),
        "190000006": (1250, "WMT"),
        "190000007": (499, "WMZ"),
    }


def test_delivered_goods_that_are_no_code_leave_no_hash():
    assert parse.sale(row(product_entry="login: a, password: b")).charge.code_hash is None


def test_numbers_may_be_text_and_currencies_in_any_case():
    texts = row(
        amount_currency=" wmz ",
        invoice_id="190000007",
        amount_in="4.99",
        amount_out="4.71",
        returned="1",
        product_id="2000101",
    )
    assert parse.sale(texts) == replace(parse.sale(row()), returned=True)


@pytest.mark.parametrize("amount", [Decimal("4.990"), Decimal("4.99"), "4.99"])
def test_amounts_are_exact(amount):
    assert parse.sale(row(amount_in=amount)).charge.amount_minor == 499


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"invoice_id": None}, "invoice_id"),
        ({"invoice_id": 0}, "invoice_id"),
        ({"invoice_id": "1; drop"}, "invoice_id"),
        ({"amount_in": "4,99"}, "amount_in"),
        ({"amount_in": None}, "amount_in"),
        ({"amount_in": Decimal("-1")}, "amount_in"),
        ({"amount_in": Decimal("4.999")}, "finer"),
        ({"amount_in": Decimal("1E+999999999")}, "amount_in"),
        ({"amount_currency": None}, "amount_currency"),
        ({"amount_currency": "рубли"}, "amount_currency"),
        ({"date_pay": "soon"}, "date_pay"),
        ({"date_pay": "0001-01-01 00:00:00"}, "date_pay"),
        ({"returned": None}, "returned"),
        ({"returned": 2}, "returned"),
    ],
)
def test_a_row_that_cannot_be_understood_is_a_bad_record_that_names_the_field(change, reason):
    with pytest.raises(BadRecord, match=reason):
        parse.sale(row(**change))


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_a_row_that_is_no_object_is_a_bad_record(value):
    with pytest.raises(BadRecord, match="no object"):
        parse.sale(value)


def test_a_fee_finer_than_a_minor_unit_is_rounded_and_an_untold_one_stays_unknown():
    assert parse.sale(row(amount_out=Decimal("4.7049"))).charge.fee_minor == 29
    assert parse.sale(row(amount_out=None)).charge.fee_minor is None


def test_unknown_fields_and_agents_do_not_disturb_a_row():
    assert parse.sale(row(amount_in_usd=Decimal("5"), partner_id=700123, new={"x": [1]})) == parse.sale(row())


def test_a_refund_known_only_from_the_row_has_the_sales_amount_and_an_inexact_time():
    charge = parse.sale(sample("seller_sells_v2_only_returned.json")["rows"][0]).charge
    refund = parse.refund_of(charge, NOW)
    assert (refund.ref, refund.parent_ref, refund.group_ref) == ("190000004:refund", "190000004", "190000004")
    assert (refund.kind, refund.status, refund.seller_started) == (Kind.REFUND, Status.COMPLETED, False)
    assert (refund.amount_minor, refund.occurred_at, refund.occurred_exact) == (999, NOW, False)
    assert (refund.fee_minor, refund.code_hash, refund.occurred_text) == (None, None, "")


def test_a_refund_receipt_tells_the_exact_time_of_the_same_refund():
    items = sample("receipts_page1.json")["content"]["items"]
    found = [parse.receipt(item) for item in items]
    assert found[1:] == [None, None, None]
    assert (found[0].ref, found[0].parent_ref) == ("190000004:refund", "190000004")
    assert (found[0].amount_minor, found[0].currency) == (999, "WMZ")
    assert (found[0].occurred_at, found[0].occurred_exact) == (datetime(2026, 10, 21, 7, 0, tzinfo=UTC), True)


def test_the_sign_of_a_refund_receipt_does_not_matter():
    item = sample("receipts_page1.json")["content"]["items"][0]
    item["operation"]["price"] = Decimal("-9.99")
    assert parse.receipt(item).amount_minor == 999


def test_a_refund_operation_that_names_no_invoice_is_a_bad_record():
    item = sample("receipts_page1.json")["content"]["items"][0]
    item["operation"]["id"] = item["account_operation_id"]
    with pytest.raises(BadRecord, match="names no invoice"):
        parse.receipt(item)


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


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(row())), values))
def test_no_row_whatsoever_breaks_the_parser(changes):
    try:
        sale = parse.sale(row(**changes))
    except BadRecord:
        return
    assert sale.charge.amount_minor >= 0
    assert sale.charge.occurred_at.utcoffset() == timedelta(0)


@given(st.dictionaries(st.sampled_from(sorted(info())), values))
def test_no_invoice_whatsoever_breaks_the_parser(changes):
    page = parse.details("190000001", info(**changes), NOW)
    assert page.raws or page.quarantined


def test_a_stored_row_gives_the_same_charge_with_the_hash_of_the_code_and_without_the_code():
    live = parse.sale(row(product_entry="ABCDEFGH01234567", returned="1"))
    kept = parse.sale_record(live, row(product_entry="ABCDEFGH01234567", returned="1"), NOW)
    assert live.charge.code_hash
    assert "ABCDEFGH01234567" not in str(kept.body)
    assert parse.sale(kept.body).transactions(NOW) == live.transactions(NOW)
    assert kept.read_at == NOW, "the refund is dated by the look"
    assert parse.sale(row(product_entry=None, code_hash="no hash")).charge.code_hash is None
