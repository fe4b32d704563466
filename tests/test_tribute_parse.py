"""Tribute's orders and goods become charges and refunds, and what is not understood is set aside."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from providers.tribute import records
from reconciler.errors import BadRecord
from reconciler.model import Kind, Status
from reconciler.money import Money
from tests.tribute_records import good, order, read
from tests.tribute_world import UUID, sample

# Orders


def test_the_sample_order_says_what_is_documented():
    found = order()
    assert (found.uuid, found.money, found.status) == (UUID, Money(100_000, "RUB"), Status.PAID)
    assert found.created_at == datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)
    assert found.echoes == ("user_12345", "Special request")
    assert (found.title, found.buyer_email, found.recurring) == ("Product X", "customer@example.com", False)


@pytest.mark.parametrize(
    ("state", "status"),
    [("pending", Status.PENDING), ("failed", Status.FAILED), ("prepaid", Status.PREPAID), ("paid", Status.PAID)],
)
def test_the_documented_states_are_told_apart(state, status):
    assert order(status=state).status is status


def test_a_state_that_nobody_documented_is_unknown_and_kept_as_it_came():
    found = order(status="on_hold")
    (charge,) = read(found).transactions
    assert charge.status is Status.UNKNOWN
    assert read(found).states[0].state == "on_hold"


def test_a_prepaid_order_is_never_paid():
    found = order(status="prepaid", lastPaidTransactionAt="2025-11-13T15:05:00Z")
    assert found.status is Status.PREPAID
    assert not found.may_have_transactions


def test_is_recurrent_is_trusted_before_the_period():
    assert order(period="monthly").recurring
    assert not order(period="monthly", isRecurrent=False).recurring


def test_an_email_is_folded_and_empty_texts_are_absent():
    found = order(email=" Customer@Example.COM ", customerId="", comment=None)
    assert found.buyer_email == "customer@example.com"
    assert found.echoes == ()


def test_a_customer_id_that_looks_like_a_card_still_matches_the_shops_own():
    assert order(customerId="4111111111111111", comment="4111 1111 1111 1111").echoes == (
        "4111111111111111",
        "*" * 15 + "1111",
    )


def test_a_telegram_id_beyond_31_bits_is_taken_as_text():
    assert order(telegramUserId=5_123_456_789).telegram_user_id == "5123456789"


def test_an_order_for_stars_alone_has_its_price_in_stars():
    found = order(amount=0, starsAmount=100, onlyStars=True)
    assert found.prices == (Money(100, "XTR"),)


@pytest.mark.parametrize(
    "wrong",
    [{"uuid": "x"}, {"uuid": None}, {"amount": "many"}, {"amount": None}, {"amount": -1}, {"amount": Decimal("0.5")},
     {"currency": ""}, {"status": None}, {"createdAt": "yesterday"}, {"email": ["a@b.c"]}, {"title": True}],
)  # fmt: skip
def test_an_order_that_cannot_be_understood_is_a_bad_record(wrong):
    with pytest.raises(BadRecord):
        order(**wrong)


def test_links_and_tokens_of_a_record_are_not_kept():
    kept = records.kept(
        sample("api/get_shop_order.json") | {"paymentToken": "secret", "comment": "4111 1111 1111 1111"}
    )
    assert not {"successUrl", "failUrl", "paymentUrl", "webappPaymentUrl", "paymentToken"} & set(kept)
    assert kept["comment"] == "*" * 15 + "1111"
    assert kept["uuid"] == UUID


# Goods


def test_the_sample_order_of_goods_is_summed_exactly():
    (charge,) = good().transactions
    assert (charge.ref, charge.amount_minor, charge.currency) == ("physical:12345", 32_550, "USD")
    assert (charge.status, charge.telegram_user_id) == (Status.PAID, "123456789")
    assert (charge.shared, charge.group_ref) == (False, "physical:12345")


@pytest.mark.parametrize("state", ["pending", "processing", "shipped", "delivered"])
def test_goods_on_their_way_are_paid_in_the_old_and_the_new_set_of_states(state):
    assert [charge.status for charge in good(status=state).transactions] == [Status.PAID]


@pytest.mark.parametrize("state", ["canceled", "lost"])
def test_whether_money_went_back_for_cancelled_goods_is_unknown(state):
    reading = good(status=state)
    assert [(found.kind, found.status) for found in reading.transactions] == [(Kind.CHARGE, Status.UNKNOWN)]
    assert reading.states[0].state == state


def test_refunded_goods_are_a_charge_and_a_refund():
    charge, refund = good(status="refunded").transactions
    assert (charge.status, refund.status) == (Status.PAID, Status.COMPLETED)
    assert (refund.ref, refund.parent_ref) == ("physical:12345:refund", "physical:12345")


@pytest.mark.parametrize(
    "wrong",
    [{"deliveryCost": None}, {"items": []}, {"items": None}, {"deliveryCost": Decimal("25.555")}, {"status": ""},
     {"items": [{"price": 1, "quantity": None}]}, {"items": [{"price": -1, "quantity": 1}]},
     {"items": [{"price": 1, "quantity": 1, "currency": "eur"}]}, {"created": None}],
)  # fmt: skip
def test_goods_without_a_sure_total_are_set_aside(wrong):
    reading = good(**wrong)
    assert reading.transactions == ()
    assert (reading.quarantined[0].source, reading.quarantined[0].key) == ("tribute.physical", "12345")


def test_the_buyers_home_is_not_kept():
    (raw,) = good().raws
    assert (raw.source, raw.key) == ("tribute.physical", "12345")
    assert not {"fullName", "phone", "address", "locality", "fullAddress", "customerNote"} & set(raw.body)
    aside = good(deliveryCost=None).quarantined[0]
    assert not {"fullName", "phone", "address", "fullAddress"} & set(aside.body)
