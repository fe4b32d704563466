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
from tests.digiseller_desk import NOW, row, sample, values


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


@given(st.dictionaries(st.sampled_from(sorted(row())), values))
def test_no_row_whatsoever_breaks_the_parser(changes):
    try:
        sale = parse.sale(row(**changes))
    except BadRecord:
        return
    assert sale.charge.amount_minor >= 0
    assert sale.charge.occurred_at.utcoffset() == timedelta(0)


def test_a_stored_row_gives_the_same_charge_with_the_hash_of_the_code_and_without_the_code():
    live = parse.sale(row(product_entry="ABCDEFGH01234567", returned="1"))
    kept = parse.sale_record(live, row(product_entry="ABCDEFGH01234567", returned="1"), NOW)
    assert live.charge.code_hash
    assert "ABCDEFGH01234567" not in str(kept.body)
    assert parse.sale(kept.body).transactions(NOW) == live.transactions(NOW)
    assert kept.read_at == NOW, "the refund is dated by the look"
    assert parse.sale(row(product_entry=None, code_hash="no hash")).charge.code_hash is None
