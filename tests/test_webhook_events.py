"""What each event of Tribute says: its key, its transaction, and what is no money at all."""

import contextlib
import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers.base import Known, Situation, Told
from providers.tribute import keys
from providers.tribute.receiver import TributeReceiver
from reconciler.errors import BadRecord
from reconciler.model import Kind, Status, Transaction
from reconciler.settings import TributeSettings
from reconciler.webhooks import Delivery, Event, NotJson
from tests.webhook_world import KEY, events, sample_event, signed

RECEIVER = TributeReceiver(TributeSettings(api_key=SecretStr(KEY)))
AT = datetime(2025, 3, 20, 2, 0, tzinfo=UTC)
UUID = "550e8400-e29b-41d4-a716-446655440000"


def delivered(event: Any) -> Delivery:
    body = json.dumps(event).encode()
    return Delivery("POST", b"", ((b"trbt-signature", signed(body)["trbt-signature"].encode()),), body)


def accepted(event: Any) -> Event:
    return RECEIVER.accept(delivered(event))


def told(event: Any, *charges: Known, looked: bool = False) -> Told:
    return RECEIVER.read(delivered(event), Situation(AT, {one.ref: one for one in charges}, looked))


def made(name: str, **changes: Any) -> Transaction:
    event = sample_event(name)
    event["payload"] |= changes
    (transaction,) = told(event).page.transactions
    return transaction


SAID = {
    "digital_product_refunded": ("78901:refund:234567", Kind.REFUND, Status.COMPLETED, 500, "USD"),
    "digital_product_refunded_by_creator": ("78901:refund:234567", Kind.REFUND, Status.COMPLETED, 500, "USD"),
    "new_digital_product": ("78901", Kind.CHARGE, Status.PAID, 500, "USD"),
    "new_digital_product_email_buyer": ("78902", Kind.CHARGE, Status.PAID, 19900, "RUB"),
    "new_digital_product_legacy_2025": (
        "purchase:456:12321321:500:2025-03-20T01:15:58.33246Z",
        *(Kind.CHARGE, Status.PAID, 500, "USD"),
    ),
    "new_donation": (
        "donation:new:123:T-31326:1000:2025-03-20T01:15:58.33246Z",
        *(Kind.CHARGE, Status.PAID, 1000, "USD"),
    ),
    "new_donation_anonymous": (
        "donation:new:123:anon:15000:2025-03-20T01:15:58.33246Z",
        *(Kind.CHARGE, Status.PAID, 15000, "RUB"),
    ),
    "new_subscription": (None, Kind.CHARGE, Status.PAID, 1000, "EUR"),
    "new_subscription_gift": (None, Kind.CHARGE, Status.TRIAL, 0, "EUR"),
    "new_subscription_legacy_2025": (None, Kind.CHARGE, Status.PAID, 1000, "EUR"),
    "new_subscription_trial": (None, Kind.CHARGE, Status.TRIAL, 0, "EUR"),
    "physical_order_created": ("physical:12345", Kind.CHARGE, Status.PAID, 300000, "USD"),
    "physical_order_shipped": ("physical:12345", Kind.CHARGE, Status.PAID, 300000, "USD"),
    "recurrent_donation": (None, Kind.CHARGE, Status.PAID, 500, "EUR"),
    "renewed_subscription": (None, Kind.CHARGE, Status.PAID, 1000, "EUR"),
    "shop_order": (UUID, Kind.CHARGE, Status.PAID, 100000, "RUB"),
    "shop_order_minimal": ("7d6f1c52-3a0b-4f0e-9a57-0f6a2b8f4c11", Kind.CHARGE, Status.PAID, 50000, "RUB"),
    "shop_order_payment_received": (UUID, Kind.CHARGE, Status.PREPAID, 100000, "RUB"),
    "shop_order_prepaid": (UUID, Kind.CHARGE, Status.PREPAID, 100000, "RUB"),
    "shop_order_recurring": ("0f9c2a94-5b41-4a0b-8f3d-6d1f7a2f9e20", Kind.CHARGE, Status.PAID, 100000, "RUB"),
    "shop_order_tokenized": (UUID, Kind.CHARGE, Status.PAID, 100000, "RUB"),
    "shop_order_trial": ("0f9c2a94-5b41-4a0b-8f3d-6d1f7a2f9e20", Kind.CHARGE, Status.TRIAL, 100000, "RUB"),
    "shop_token_charge_failed": ("770e8400-e29b-41d4-a716-446655440002", Kind.CHARGE, Status.FAILED, 100000, "RUB"),
    "shop_token_charge_success": ("770e8400-e29b-41d4-a716-446655440002", Kind.CHARGE, Status.PAID, 100000, "RUB"),
    "new_donation_web_email": (None, Kind.CHARGE, Status.PAID, 1000, "USD"),
}
NO_MONEY = {
    "cancelled_donation", "cancelled_subscription", "physical_order_canceled", "shop_order_cancelled",
    "shop_order_charge_failed", "shop_order_payment_failed", "test_event",
}  # fmt: skip
ASK_FIRST = {"shop_order_charge_success", "shop_order_refunded_initiated", "shop_order_refunded_completed"}


def test_every_sample_is_one_of_money_no_money_or_a_question_to_the_api() -> None:
    assert set(events()) == set(SAID) | NO_MONEY | ASK_FIRST
    assert {sample_event(name).get("name") for name in events()} - {None} == set(keys.NAMES)


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_sample_becomes_its_transaction(name: str) -> None:
    one = made(name)
    ref, kind, status, minor, currency = SAID[name]
    assert ref is None or one.ref == ref
    assert (one.kind, one.status, one.amount_minor, one.currency) == (kind, status, minor, currency)


@pytest.mark.parametrize("name", sorted(NO_MONEY))
def test_a_sample_without_money_makes_no_transaction_and_asks_nobody(name: str) -> None:
    one = told(sample_event(name))
    assert (one.page.transactions, one.look, one.understood) == ((), None, True)


@pytest.mark.parametrize("name", sorted(ASK_FIRST))
def test_what_only_the_api_can_tell_is_asked_there(name: str) -> None:
    one = told(sample_event(name))
    assert one.page.transactions == ()
    assert one.look == sample_event(name)["payload"]["uuid"]


def test_the_price_of_a_subscription_counts_not_what_is_left_of_it() -> None:
    one = made("new_subscription")
    assert (one.amount_minor, one.fee_minor, one.product_id) == (1000, 300, "1644")


@pytest.mark.parametrize("products", [5, True, "text", {"product_name": "a"}, [7, {"product_name": ""}], None])
def test_goods_in_a_form_that_nobody_knows_take_the_title_and_nothing_else(products: Any) -> None:
    one = made("physical_order_created", products=products)
    assert (one.amount_minor, one.title) == (300000, None)


def test_a_gift_with_money_is_paid_and_names_nobody() -> None:
    one = made("new_subscription_gift", price=1000, amount=700)
    assert (one.status, one.telegram_user_id, one.buyer_email) == (Status.PAID, None, None)


def test_an_anonymous_donation_names_nobody_even_if_ids_came_along() -> None:
    assert made("new_donation_anonymous", telegram_user_id=5).telegram_user_id is None


def test_ids_beyond_32_bits_stay_whole() -> None:
    one = made("new_subscription", telegram_user_id=7654321098)
    assert one.telegram_user_id == "7654321098"


def test_only_the_sellers_own_reason_marks_a_refund_as_started_from_our_side() -> None:
    assert made("digital_product_refunded_by_creator").seller_started
    assert not made("digital_product_refunded").seller_started
    assert not made("digital_product_refunded", refund_reason="whatever the bank says").seller_started


def test_two_donations_by_one_link_are_two_payments() -> None:
    first, second = sample_event("new_donation"), sample_event("new_donation")
    second["created_at"] = "2025-03-20T01:15:58.33247Z"
    assert accepted(first).key != accepted(second).key
    assert {told(one).page.transactions[0].ref for one in (first, second)} == {
        accepted(first).ref,
        accepted(second).ref,
    }


@pytest.mark.parametrize("name", events())
def test_an_attempt_is_known_again_by_whatever_time_it_was_sent(name: str) -> None:
    first, again = sample_event(name), sample_event(name)
    again["sent_at"] = "2025-03-21T01:15:59Z"
    assert accepted(first) == accepted(again)


@pytest.mark.parametrize("name", [name for name in events() if name != "test_event"])
def test_other_money_under_the_same_key_is_another_content(name: str) -> None:
    first, other = sample_event(name), sample_event(name)
    field = "total" if "total" in first["payload"] else "amount"
    if (field in {"amount"} and "donation" in name) or ("legacy_2025" in name and "product" in name):
        field = "currency"  # the amount is part of the key
    other["payload"][field] = "gbp" if field == "currency" else 7
    assert accepted(first).key == accepted(other).key
    assert accepted(first).content != accepted(other).content


def test_a_changed_user_name_is_no_contradiction() -> None:
    first, other = sample_event("new_donation"), sample_event("new_donation")
    other["payload"]["telegram_username"] = "renamed"
    assert accepted(first) == accepted(other)


def known(ref: str, status: Status = Status.PAID, listed: bool = True, at: datetime = AT, minor: int = 777) -> Known:
    return Known(ref, status, minor, "RUB", at, listed)


def test_a_refund_belongs_to_the_transaction_that_it_names_or_to_the_first_sale() -> None:
    event = sample_event("shop_order_refunded_completed")
    (later,) = told(event, known(UUID), known(f"{UUID}:12345"), looked=True).page.transactions
    (first,) = told(event, known(UUID), known(f"{UUID}:99"), looked=True).page.transactions
    assert (later.ref, later.parent_ref, later.amount_minor) == (f"{UUID}:12345:refund", f"{UUID}:12345", 777)
    assert (first.ref, first.parent_ref, first.status) == (f"{UUID}:refund", UUID, Status.COMPLETED)


def test_a_first_payment_is_asked_about_until_the_api_shows_it() -> None:
    event = sample_event("shop_order")
    assert told(event).look == UUID
    assert told(event, known(UUID, Status.PENDING), looked=True).look == UUID
    assert told(event, known(UUID), looked=True).look is None
    assert told(event, known(UUID)).look is None, "the pull has shown it already"
    assert told(event, known(UUID, listed=False)).look == UUID, "our own note of it proves nothing"


def test_a_later_charge_is_the_one_near_in_time() -> None:
    event = sample_event("shop_order_charge_success")
    uuid = event["payload"]["uuid"]
    near = datetime(2025, 4, 20, 1, 10, tzinfo=UTC)
    assert told(event, known(uuid), looked=True).look == uuid
    assert told(event, known(uuid), known(f"{uuid}:7", at=near), looked=True).look is None


@given(st.data())
def test_no_payload_whatever_breaks_more_than_itself(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([one for one in events() if one != "test_event"]))
    event = copy.deepcopy(sample_event(name))
    nasty = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
        st.text(max_size=30), st.lists(st.integers(), max_size=2),
        st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        st.sampled_from(["", "\x00", "\ud800", "0", "-1", "1e999", "9" * 40,
                         "2025-13-45T99:99:99Z", "0001-01-01T00:00:00Z"]),
    )  # fmt: skip
    for field in data.draw(st.lists(st.sampled_from(sorted(event["payload"])), max_size=3)):
        event["payload"][field] = data.draw(nasty)
    event |= data.draw(st.fixed_dictionaries({}, optional={"created_at": nasty, "payload": nasty, "name": nasty}))
    try:
        json.dumps(event, allow_nan=False)
    except ValueError:  # infinity is no JSON
        with pytest.raises(NotJson):
            accepted(event)
        return
    assert accepted(event).key
    for looked in (False, True):
        with contextlib.suppress(BadRecord):
            told(event, looked=looked)
