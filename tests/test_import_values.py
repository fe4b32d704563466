"""Money and times as people write them: what is clear is read exactly, what may mean two things is refused."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.imports import values
from reconciler.errors import BadRecord
from reconciler.money import MAX_MINOR, format_minor

MOSCOW = ZoneInfo("Europe/Moscow")
GROUPS = ("", " ", "\u00a0", "\u202f", "'", "’", ".", ",")


@given(
    st.integers(0, MAX_MINOR),
    st.sampled_from(["RUB", "JPY", "WMX"]),
    st.sampled_from(GROUPS),
    st.sampled_from([".", ","]),
)
@example(125050, "RUB", ".", ",")
@example(100000, "JPY", " ", ".")
def test_any_sum_comes_back_from_any_way_of_writing_it(minor: int, currency: str, group: str, mark: str) -> None:
    whole, _, fraction = (format_minor(minor, currency) or "").partition(".")
    if group == mark:
        group = ""
    written = f"{int(whole):,}".replace(",", group) + (mark + fraction if fraction else "")
    if group in {".", ","} and not fraction and written.count(group) == 1:
        with pytest.raises(BadRecord, match="thousands or decimals"):
            values.amount(written, currency)
    else:
        assert values.amount(written, currency) == minor


@given(st.integers(0, 10**12))
def test_a_spreadsheets_float_is_the_sum_that_its_cell_shows(minor: int) -> None:
    assert values.amount(float(Decimal(minor) / 100), "RUB") == minor


@given(st.text(max_size=12))
def test_any_text_is_a_sum_or_a_reason(written: str) -> None:
    with suppress(BadRecord):
        assert 0 <= values.amount(written, "RUB") <= MAX_MINOR


@pytest.mark.parametrize(
    "written",
    [
        "1,250",
        "1.250",
        "999,999",
        "1 25",
        "12 34,5",
        "1,2,3",
        "1.250.50",
        "--1",
        "+5",
        "1e3",
        "½",
        "١٢",
        "0x10",
        "5-",
        "",
    ],
)
def test_what_is_not_clear_is_refused(written: str) -> None:
    with pytest.raises(BadRecord):
        values.amount(written, "RUB")


TIMES: dict[Any, str] = {
    "2026-11-22T10:00:00Z": "2026-11-22T10:00:00+00:00",
    "2026-11-22T10:00:00+05:00": "2026-11-22T05:00:00+00:00",
    "2026-11-22 10:00": "2026-11-22T07:00:00+00:00",
    "22.11.2026 9:05:00": "2026-11-22T06:05:00+00:00",
    "22.11.2026 09:05": "2026-11-22T06:05:00+00:00",
    "2026-11-22T10:00:00.123456789Z": "2026-11-22T10:00:00.123456+00:00",
    datetime(2026, 11, 22, 9, 59, 59, 999_900): "2026-11-22T07:00:00+00:00",  # noqa: DTZ001 - as a spreadsheet has it
}


@pytest.mark.parametrize("written", TIMES)
def test_a_time_without_zone_is_the_providers(written: Any) -> None:
    assert values.moment(written, MOSCOW) == datetime.fromisoformat(TIMES[written])


@pytest.mark.parametrize(
    "written",
    ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "1970-01-01 00:00", "11/22/2026 10:00", "10:00", "2026-13-01 10:00",
     "31.02.2026 10:00", "yesterday", "1700000000", 45000.5, "2026-11-22", date(2026, 11, 22)],
)  # fmt: skip
def test_what_is_no_time_is_refused(written: Any) -> None:
    with pytest.raises(BadRecord):
        values.moment(written, UTC)


def test_a_mere_date_is_its_midnight_where_a_date_is_enough() -> None:
    for written in ("2026-12-01", "01.12.2026", date(2026, 12, 1)):
        assert values.moment(written, MOSCOW, day=True) == datetime(2026, 11, 30, 21, tzinfo=UTC)


def test_an_id_keeps_its_digits_or_is_refused() -> None:
    assert values.id_text(7000000001.0) == "7000000001"
    assert values.id_text(Decimal("12.0")) == "12"
    assert values.id_text(" 0012 ") == "0012"
    for wrong in (1e17, float("nan"), float("inf"), "=1+1", "@x", "a\tb", "x" * 300, True, ["1"], "a\x00", "\udcff"):
        with pytest.raises(BadRecord):
            values.id_text(wrong)


def test_yes_and_no_are_understood_in_both_languages() -> None:
    assert [values.flag(word) for word in ("Да", "yes", 1, True, "TRUE")] == [True] * 5
    assert [values.flag(word) for word in ("нет", "No", 0, False, "", None)] == [False] * 6
    with pytest.raises(BadRecord):
        values.flag("maybe")
