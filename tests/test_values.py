"""Money, text and policy numbers, down to the last minor unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import BadRecord
from reconciler.money import MAX_MINOR, comparable, exponent, format_minor, to_decimal, to_minor
from reconciler.policy import refundable_minor
from reconciler.text import body_text, code_hash, fold_email, storable
from tests.builders import CREDIT

EQUIVALENTS = {"WMR": "RUB", "WMZ": "USD"}


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(["USD", "RUB", "WMZ", "JPY", "WMX"]))
def test_an_amount_survives_printing_and_reading(minor: int, currency: str) -> None:
    text = format_minor(minor, currency)
    assert text is not None
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("value", "minor"),
    [("4.99", 499), (Decimal("4.990"), 499), (4.99, 499), (5, 500), ("-0.01", -1), (" 12 ", 1200), (1e3, 100000)],
)
def test_amounts_are_read_exactly(value: object, minor: int) -> None:
    assert to_minor(value, "USD") == minor


@pytest.mark.parametrize(
    "value", [None, "", "1,5", "1_000", "１２", "1e3", "NaN", "0.001", True, "--1", "1.", "9" * 30, float("nan")]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(BadRecord):
        to_minor(value, "USD")


def test_a_hostile_exponent_does_not_fill_the_memory() -> None:
    with pytest.raises(BadRecord):
        to_decimal(Decimal("1e999999999"))


def test_only_configured_units_are_compared() -> None:
    assert comparable("wmz", EQUIVALENTS) == "USD"
    assert comparable("WMX", EQUIVALENTS) is None
    assert comparable("RUR", EQUIVALENTS) == "RUB"
    assert comparable("eur", EQUIVALENTS) == "EUR"
    assert comparable(None, EQUIVALENTS) is None
    assert exponent("usd") == 2


def test_emails_are_trimmed_and_case_folded() -> None:
    assert fold_email("  Straße@Example.COM ") == "strasse@example.com"
    assert fold_email("  ") is None


def test_only_what_looks_like_a_code_is_hashed() -> None:
    assert code_hash("abcdef0123456789") == code_hash(" ABCDEF0123456789 ")
    assert code_hash("****") is None
    assert code_hash("550e8400-e29b-41d4-a716-446655440000")
    assert code_hash("a whole text that was sold") is None


@pytest.mark.parametrize("text", ["4111 1111 1111 1111", "4111-1111-1111-1111", "card 5500005555555559!"])
def test_card_numbers_are_masked_wherever_they_stand(text: str) -> None:
    masked = storable({"note": [text]})["note"][0]
    assert "11111111" not in masked.replace(" ", "").replace("-", "")
    assert "*" in masked


@pytest.mark.parametrize("text", ["550e8400-e29b-41d4-a716-446655440000", "order 1234567890123", "2026-11-22 10:00:00"])
def test_what_is_no_card_number_stays(text: str) -> None:
    assert storable(text) == text


def test_text_that_one_database_refuses_is_replaced() -> None:
    assert storable("a\x00b\ud800") == "a\ufffdb?"


@pytest.mark.parametrize(
    ("credits", "used", "balance", "delivered", "refundable"),
    [
        (100, 0, 100, True, 1000),
        (100, 33, 100, True, 670),
        (3, 1, 3, True, 666),  # a third of 10.00 is rounded up to 3.34
        (100, 100, 0, True, 0),
        (100, 10, 50, True, 500),  # no more than the balance is worth
        (100, 10, -5, True, 0),
        (100, None, 100, True, None),
        (None, 0, 100, True, None),
        (100, 10, None, True, 900),
        (None, None, None, False, 1000),
    ],
)
def test_the_refundable_amount(
    credits: int | None, used: int | None, balance: int | None, delivered: bool, refundable: int | None
) -> None:
    def micro(value: int | None) -> int | None:
        return None if value is None else value * CREDIT

    got = refundable_minor(
        1000,
        credits_micro=micro(credits),
        credits_used_micro=micro(used),
        balance_micro=micro(balance),
        delivered=delivered,
    )
    assert got == refundable


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9), st.integers(-10, 10**9))
def test_it_is_never_negative_and_never_above_the_charge(charge: int, credits: int, used: int, balance: int) -> None:
    got = refundable_minor(
        charge, credits_micro=credits, credits_used_micro=used, balance_micro=balance, delivered=True
    )
    assert got is not None
    assert 0 <= got <= charge
    assert got * credits <= max(0, charge * (credits - used))


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("5.0", "5"),
        ("1E+3", "1000"),
        ("0.10", '"0.10"'),
        ("-8.6E+591487", '"-8.6E+591487"'),
        ("9E+999999", '"9E+999999"'),
    ],
)
def test_a_number_of_any_size_is_kept_exactly_and_stops_nothing(value: str, stored: str) -> None:
    assert body_text(Decimal(value)) == stored
