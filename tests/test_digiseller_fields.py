"""Single fields of DigiSeller: dates, echoes, and secrets that are dropped."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.digiseller import fields
from reconciler.errors import BadRecord


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-10-20 14:10:59", datetime(2026, 10, 20, 11, 10, 59, tzinfo=UTC)),
        ("20.10.2026 14:10:59", datetime(2026, 10, 20, 11, 10, 59, tzinfo=UTC)),
        ("20.10.2026 9:05:02", datetime(2026, 10, 20, 6, 5, 2, tzinfo=UTC)),
        ("2026-10-21T10:00:00", datetime(2026, 10, 21, 7, 0, tzinfo=UTC)),
        ("2026-10-20T13:00:00.4355113+03:00", datetime(2026, 10, 20, 10, 0, 0, 435511, tzinfo=UTC)),
        ("2026-10-20T13:00:00Z", datetime(2026, 10, 20, 13, 0, tzinfo=UTC)),
        ("2026-10-20T13:00:00.5-02:30", datetime(2026, 10, 20, 15, 30, 0, 500000, tzinfo=UTC)),
        ("2026-10-20 00:30:00", datetime(2026, 10, 19, 21, 30, tzinfo=UTC)),
        ("0001-01-01 00:00:00", None),
        ("0001-01-01T00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_both_date_forms_and_iso_are_moscow_time_unless_they_say_otherwise(text, utc):
    assert fields.moment(text) == utc


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01 00:00:00", "31.02.2026 1:00:00", "2026-10-20", "2026-10-20 25:00:00", 17, "٢٠٢٦"]
)
def test_an_unreadable_date_is_a_bad_record_and_not_a_guess(text):
    with pytest.raises(BadRecord, match="unreadable date"):
        fields.moment(text)


@given(st.integers(1_420_000_000, 2_050_000_000))
def test_a_time_sent_in_moscow_text_reads_back_as_the_same_second(seconds):
    when = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=7)
    assert fields.moment(fields.moscow_text(when)) == when.replace(microsecond=0)


def packed(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("query", "order", "values"),
    [
        ("b3JkZXI9QS0xMDAx", None, ("A-1001",)),
        (packed("order=A-1&account=acc%207&empty="), None, ("A-1", "acc 7")),
        (packed("A-1001"), None, ("A-1001",)),
        (packed("order=ÿÿÿ").replace("/", "_").rstrip("="), "E-5", ("ÿÿÿ", "E-5")),
        ("%%% no base64", None, ()),
        ("AAA", None, ("\ufffd\ufffd",)),
        ("/w==", None, ()),
        (None, " E-5 ", ("E-5",)),
        (None, 12345, ("12345",)),
        (None, None, ()),
        (packed("a=1&b=1"), "1", ("1",)),
        (packed("note=" + "x" * 5000), None, ()),
    ],
)
def test_echoes_are_the_shops_own_ids_as_given_back(query, order, values):
    assert fields.echoes(query, order) == values


def test_a_record_is_kept_without_goods_tokens_and_links_that_open_them():
    dirty = {"product_entry": "0A1B2C3D4E5F6071", "uid": "5e" * 16, "product_entry_id": 7, "cart_uid": "c-1"}
    dirty |= {"referer": "https://oplata.info/buy.asp?id_i=1&uid=5e5e5e&lang=ru", "list": [{"token": "T", "n": 1}]}
    assert fields.kept(dirty) == {
        "product_entry_id": 7,
        "cart_uid": "c-1",
        "referer": "https://oplata.info/buy.asp?id_i=1&uid=***&lang=ru",
        "list": [{"n": 1}],
    }


def test_echoes_are_bounded_in_number():
    assert len(fields.echoes(packed("&".join(f"p{n}={n}" for n in range(500))), None)) == fields.MAX_ECHOES
