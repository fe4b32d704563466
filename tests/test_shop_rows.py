"""Rows of the shop's ledger are understood exactly, or refused with the column and the reason."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.shop import rows
from providers.shop.rows import ACCOUNTS, ORDERS, PAYMENTS, Row
from reconciler.errors import BadRecord
from reconciler.text import code_hash
from tests.shop_tables import CODE, account_row, order_row, payment_row, without

TEN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def order(**cells):
    return rows.order(order_row(**cells))


def refused(column, value, parse=rows.order, build=order_row):
    with pytest.raises(BadRecord) as caught:
        parse(build(**{column: value}))
    return str(caught.value)


def test_a_whole_order_is_read_with_every_column():
    got = order()
    assert (got.order_id, got.provider, got.provider_ref) == ("ORD-1", "digiseller", "301")
    assert (got.amount_minor, got.currency, got.status) == (125050, "RUB", "delivered")
    assert (got.account_id, got.buyer_email, got.telegram_user_id) == ("A-1", "anna@example.com", "777")
    assert (got.product_id, got.code_hash) == ("55", code_hash(CODE))
    assert (got.credits_ordered_micro, got.credits_micro, got.credits_used_micro) == (10**9, 10**9, 250_000)
    assert (got.created_at, got.delivered_at) == (TEN, TEN + timedelta(minutes=1))


def test_optional_columns_may_be_absent_or_empty():
    bare = without(order_row(), *ORDERS.optional)
    empty = {**order_row(), **dict.fromkeys(ORDERS.optional, " "), "delivered_at": ""}
    for row in (bare, empty):
        got = rows.order(row)
        assert {getattr(got, name) for name in ("provider", "provider_ref", "code_hash", "credits_micro")} == {None}
    assert rows.order(empty).delivered_at is None


@pytest.mark.parametrize(
    ("value", "minor"),
    [("12.50", 1250), ("12", 1200), (Decimal("12.500"), 1250), (12.5, 1250), (12, 1200), (0.1 + 0.2, 30), ("0", 0)],
)
def test_amounts_are_read_from_text_numbers_and_floats(value, minor):
    assert order(amount=value).amount_minor == minor


@pytest.mark.parametrize("value", ["12,50", "1e3", "12.505", "-1", "", None, "abc", float("nan"), True, "１２"])
def test_an_amount_that_is_none_is_refused_by_name(value):
    assert refused("amount", value).startswith("amount: ")


@pytest.mark.parametrize("value", [1250, "1250", 1250.0, Decimal(1250)])
def test_minor_units_stand_in_for_the_amount(value):
    row = {**without(order_row(), "amount"), "amount_minor": value}
    assert rows.order(row).amount_minor == 1250


@pytest.mark.parametrize("value", ["12.5", 12.5, "", None, -1])
def test_minor_units_that_are_not_whole_are_refused(value):
    with pytest.raises(BadRecord, match="amount"):
        rows.order({**without(order_row(), "amount"), "amount_minor": value})


def test_two_amounts_that_contradict_each_other_are_refused():
    assert rows.order(order_row(amount="12.50", amount_minor=1250)).amount_minor == 1250
    with pytest.raises(BadRecord, match="contradicts"):
        rows.order(order_row(amount="12.50", amount_minor=12))


def test_a_currency_without_decimals_has_none():
    assert order(amount="500", currency="JPY").amount_minor == 500


@pytest.mark.parametrize("value", ["RUBLE", "R1", "", None, "руб"])
def test_a_currency_needs_three_letters(value):
    assert refused("currency", value).startswith("currency: ")


def test_states_are_compared_trimmed_and_in_lower_case():
    assert order(status=" Refunded ").status == "refunded"
    assert "'shipped' is none of" in refused("status", "shipped")


def test_an_unknown_provider_is_refused_and_an_empty_one_is_none():
    assert order(provider="").provider is None
    assert order(provider="Tribute").provider == "tribute"
    assert "paypal" in refused("provider", "paypal")


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22T13:00:00+03:00",
        "2026-11-22 13:00:00+03",
        "2026-11-22T10:00:00.000Z",
        TEN.replace(tzinfo=None),
        datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=3))),
        int(TEN.timestamp()),
        int(TEN.timestamp()) * 1000,
        float(TEN.timestamp()),
    ],
)
def test_times_come_in_many_forms(value):
    assert order(created_at=value).created_at == TEN


def test_text_without_zone_is_utc_only_where_the_database_keeps_times_as_text():
    row = order_row(created_at="2026-11-22 10:00:00")
    assert rows.order(row, zoneless=True).created_at == TEN
    with pytest.raises(BadRecord, match=r"created_at: .* has no zone"):
        rows.order(row)


@pytest.mark.parametrize("value", ["22.11.2026 10:00", "2026-11-22", date(2026, 11, 22), "soon", 5, 2461000.5, None])
def test_what_is_no_time_is_refused(value):
    assert refused("updated_at", value).startswith("updated_at: ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(123, "123"), (123.0, "123"), (Decimal("123"), "123"), (" x ", "x"), (UUID(int=5), str(UUID(int=5)))],
)
def test_ids_become_text(value, text):
    assert order(account_id=value).account_id == text


def test_numbers_of_a_provider_lose_the_decimals_that_a_float_column_gave_them():
    assert order(provider_ref="301.0").provider_ref == "301"
    assert order(telegram_user_id="777.0").telegram_user_id == "777"
    assert rows.order(order_row("2024.0")).order_id == "2024.0"  # the shop's own id may well look like that


@pytest.mark.parametrize("value", [12.5, float(2**60), True, b"x", "a\x00b", "a\udc98b", "x" * 300, ["x"]])
def test_what_is_no_id_is_refused(value):
    assert refused("account_id", value).startswith("account_id: ")


def test_credits_are_exact_to_the_millionth():
    assert order(credits="0.000001").credits_micro == 1
    assert "finer than a millionth" in refused("credits", "0.0000001")
    assert "below zero" in refused("credits_used", "-1")


@given(st.decimals(min_value=0, max_value=10**9, places=6), st.booleans())
def test_credits_survive_text_and_decimal_alike(value, as_text):
    assert order(credits=str(value) if as_text else value).credits_micro == int(value * 10**6)


@given(st.integers(min_value=0, max_value=10**13))
def test_money_kept_as_a_float_comes_back_to_the_minor_unit(minor):
    assert order(amount=minor / 100).amount_minor == minor


def test_an_account_is_read_and_may_be_in_debt():
    got = rows.account(account_row(balance="-1.5"))
    assert (got.account_id, got.status, got.email, got.balance_micro) == ("A-1", "active", "anna@example.com", -1500000)
    assert rows.account(without(account_row(), *ACCOUNTS.optional)).balance_micro is None
    assert "frozen" in refused("status", "frozen", rows.account, account_row)


def test_a_payment_names_order_provider_and_ref():
    got = rows.payment(payment_row(provider_ref="301.0"))
    assert (got.order_id, got.provider, got.provider_ref) == ("ORD-1", "digiseller", "301")
    for column in PAYMENTS.key:
        with pytest.raises(BadRecord, match=f"{column}: it is empty"):
            rows.payment({**payment_row(), column: None})


def test_the_stored_row_holds_known_columns_only_and_never_the_code():
    row = order_row(amount=Decimal("1.10"), api_key="sk-secret", created_at=TEN, buyer_email="a\x00b")
    kept = rows.raw(ORDERS, row)
    assert (kept.provider, kept.source, kept.key) == ("shop", "shop.orders", "ORD-1")
    assert kept.body["unique_code"] == code_hash(CODE)
    assert kept.body["amount"] == "1.10"
    assert kept.body["created_at"] == "2026-11-22T10:00:00+00:00"
    assert "\x00" not in kept.body["buyer_email"]
    assert CODE not in repr(kept)
    assert "sk-secret" not in repr(kept)


def test_a_code_without_the_form_of_one_is_not_kept_at_all():
    assert rows.raw(ORDERS, order_row(unique_code="my secret")).body["unique_code"] is None
    assert order(unique_code="my secret").code_hash is None


def test_a_bad_row_is_kept_by_its_order_id_and_without_one_by_its_hash():
    assert rows.quarantined(ORDERS, Row(order_row(status="x")), "r").key == "ORD-1"
    first, again, other = (
        rows.quarantined(ORDERS, Row(order_row("", amount=amount)), "r").key for amount in ("1", "1", "2")
    )
    assert len(first) == 64
    assert first == again != other


def test_a_broken_row_hides_a_code_that_slipped_into_another_column():
    bad = rows.quarantined(ORDERS, Row({**order_row(), "account_id": CODE}, "too many cells"), "too many cells")
    assert CODE not in repr(bad)
    assert bad.body["account_id"] == code_hash(CODE)


def test_a_broken_row_goes_by_its_order_id_only_where_that_is_sure():
    assert rows.quarantined(ORDERS, Row({"order_id": "ORD-1", "status": "x"}, "cut"), "cut").key == "ORD-1"
    assert rows.quarantined(ORDERS, Row({"order_id": "ORD-1"}, "cut"), "cut").key != "ORD-1"
    assert rows.quarantined(ORDERS, Row({"status": "x", "order_id": "ORD-1"}, "cut"), "cut").key != "ORD-1"


UPPER = "550E8400-E29B-41D4-A716-446655440000"


@pytest.mark.parametrize("ref", [UPPER, f"{UPPER}:77"])
def test_a_tribute_uuid_is_the_same_in_either_case(ref):
    assert order(provider="tribute", provider_ref=ref).provider_ref == ref.lower()
    assert order(provider=None, provider_ref=ref).provider_ref == ref.lower()
    assert rows.payment(payment_row(provider="tribute", provider_ref=ref)).provider_ref == ref.lower()


def test_refs_of_other_providers_keep_their_case():
    assert order(provider="digiseller", provider_ref=UPPER).provider_ref == UPPER
    assert order(provider="tribute", provider_ref="Purchase-7A").provider_ref == "Purchase-7A"
