"""How Tribute wraps and writes: lists, pages, times, ids, flags, currencies and amounts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from providers.tribute import answers, fields, parse
from reconciler.errors import BadRecord, Retryable
from reconciler.strict_json import parse_json
from tests.tribute_world import sample

# Wrappers


def test_the_sample_list_of_orders_is_a_bare_array():
    found = [parse.shop_order(record).state for record in answers.bare_list(sample("api/get_shop_orders.json"))]
    assert found == ["prepaid", "pending", "paid", "paid", "failed"]


@pytest.mark.parametrize("empty", [None, [], sample("api/get_shop_orders_empty.json")])
def test_null_and_an_empty_array_are_both_no_records(empty):
    assert answers.bare_list(empty) == []


def test_an_object_where_an_array_belongs_is_no_answer():
    with pytest.raises(Retryable, match="expected an array"):
        answers.bare_list({"rows": []})


@pytest.mark.parametrize("end", [{"nextFrom": ""}, {"nextFrom": None}, {}])
def test_an_empty_next_from_is_the_last_page(end):
    assert answers.transaction_page({"transactions": None, **end}) == ([], "")


def test_next_from_is_a_text_even_if_it_comes_as_a_number():
    assert answers.transaction_page({"transactions": [], "nextFrom": 20})[1] == "20"


@pytest.mark.parametrize("body", [{}, [], {"transactions": {}}, {"transactions": [], "nextFrom": ["20"]}])
def test_transactions_in_another_wrapper_are_no_answer(body):
    with pytest.raises(Retryable):
        answers.transaction_page(body)


def test_goods_come_in_rows_and_the_page_size_in_meta():
    rows, limit = answers.order_page(sample("api/get_physical_orders.json"))
    assert (len(rows), limit) == (1, 50)


def test_the_sample_shops_are_active():
    shops = [answers.shop(record) for record in sample("api/get_shops.json")]
    assert [(shop.id, shop.active) for shop in shops] == [(1, True), (7, True)]


def test_a_shop_of_2025_has_no_id_and_an_inactive_one_says_so():
    assert answers.shop({"link": "myshop", "recurringAvailable": True}).id is None
    assert not answers.shop({"id": 3, "status": 0}).active


# Fields


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-11-13T15:04:05Z", datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)),
        ("2025-11-13 15:04:05", datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)),
        ("2025-11-13T18:04:05+03:00", datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)),
        ("2025-03-20T01:15:58.5Z", datetime(2025, 3, 20, 1, 15, 58, 500_000, tzinfo=UTC)),
        ("2025-03-20T01:15:58.542279448Z", datetime(2025, 3, 20, 1, 15, 58, 542_279, tzinfo=UTC)),
        (1763046245, datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)),
        ("1763046245", datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)),
    ],
)
def test_every_documented_form_of_a_time_is_read_as_utc(written, meant):
    assert fields.moment(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        True,
        1763046245123,
        "2025-11-13",
        "13.11.2025 15:04",
        "2025-13-13T15:04:05Z",
        0,
        Decimal("1763046245.5"),
    ],
)
def test_anything_else_is_no_time(written):
    with pytest.raises(BadRecord):
        fields.moment(written)


@pytest.mark.parametrize("written", [9_223_372_036_854_775_808, "9223372036854775808", " 9223372036854775808 "])
def test_an_id_may_be_a_number_or_a_text_and_beyond_31_bits(written):
    assert fields.number_id(written) == "9223372036854775808"


@pytest.mark.parametrize("written", [None, True, -1, "12a", "", Decimal("1.5"), "１２"])
def test_anything_else_is_no_id(written):
    with pytest.raises(BadRecord):
        fields.number_id(written)


@pytest.mark.parametrize("absent", [{}, {"email": None}, {"email": ""}, {"email": "  "}])
def test_an_absent_null_or_empty_text_is_none(absent):
    assert fields.text_of(absent, "email") is None


def test_an_absent_flag_is_unknown_and_not_false():
    assert fields.flag({}, "isRefunded") is None
    assert fields.flag({"isRefunded": False}, "isRefunded") is False


def test_a_flag_in_words_is_refused_rather_than_guessed():
    with pytest.raises(BadRecord, match="isRefunded"):
        fields.flag({"isRefunded": "false"}, "isRefunded")


@pytest.mark.parametrize("written", ["usd", "USD", " Usd "])
def test_a_currency_is_folded_to_upper_case(written):
    assert fields.currency(written) == "USD"


@pytest.mark.parametrize("written", [b"1e999999999", b"1e-999999999", b"100.5", b"-1", b'"1_000"', b"true", b"null"])
def test_an_amount_that_is_no_whole_number_of_minor_units_is_refused(written):
    with pytest.raises(BadRecord):
        fields.minor(parse_json(written), "amount")


def test_a_text_is_freed_of_what_no_database_stores():
    assert fields.text_of({"title": "a\x00b\ud800"}, "title") == "a\ufffdb?"
