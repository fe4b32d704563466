"""Single values as people's lists and spreadsheets write them: money with either mark, times in many forms; pure."""

import math
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from reconciler.errors import BadRecord
from reconciler.money import check_minor, exponent, to_minor
from reconciler.policy.disputes import end_of

YEARS = range(2000, 2101)
MAX_TEXT = 1000
"""Longest text that is taken; an id may have a quarter of it."""

_SPACES = " \u00a0\u2009\u202f"
_PLAIN = re.compile(r"(-?)([0-9]{1,18})(?:[.,]([0-9]{1,18}))?", re.ASCII)
_GROUPED = re.compile(
    rf"(-?)([0-9]{{1,3}}(?:(?P<group>[{_SPACES}'’.,])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*)"
    r"(?:(?!(?P=group))[.,]([0-9]{1,18}))?",
    re.ASCII,
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t")
_RUSSIAN = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M")
_YES, _NO = {"1", "true", "yes", "y", "да", "+"}, {"", "0", "false", "no", "n", "нет", "-"}


def text(value: Any, limit: int = MAX_TEXT) -> str | None:
    """A trimmed text, None when absent; raises BadRecord for what no database keeps alike, and for lists."""
    if value is None:
        return None
    if isinstance(value, bool | list | dict):
        raise BadRecord(f"expected text, got {type(value).__name__}")
    if isinstance(value, float | Decimal):
        value = _whole_or_written(value)
    found = str(value).strip()
    if _UNSTORABLE.search(found):
        raise BadRecord(f"{shown(found)} holds characters that cannot be stored")
    if len(found) > limit:
        raise BadRecord(f"{shown(found)}… is longer than {limit} characters")
    return found or None


def id_text(value: Any) -> str | None:
    """An id: short, on one line, and nothing that a spreadsheet would run as a formula."""
    found = text(value, MAX_TEXT // 4)
    if found and (found.startswith(_FORMULA) or not found.isprintable()):
        raise BadRecord(f"{shown(found)} is no id")
    return found


def amount(value: Any, currency: str) -> int:
    """A sum in major units as minor units of `currency`, not below zero; raises BadRecord.

    Text may have a decimal comma or point and set thousands apart. A single mark before three last digits could be
    either (`1,250`), so it is refused instead of guessed.
    """
    return _not_negative(to_minor(number(value), currency))


def whole(value: Any) -> int:
    """A sum in whole minor units, not below zero; raises BadRecord."""
    found = number(value)
    if found != int(found):
        raise BadRecord(f"{shown(value)} is not in whole minor units")
    return _not_negative(check_minor(int(found)))


def major(minor: int, currency: str) -> Decimal:
    """Minor units as the decimal number of major ones."""
    return Decimal(minor).scaleb(-exponent(currency))


def currency(value: Any) -> str | None:
    """A currency or account unit in capitals (`RUB`, `WMZ`), None when absent; raises BadRecord."""
    code = (text(value) or "").upper()
    if code and not re.fullmatch(r"[A-Z][A-Z0-9]{2,9}", code, re.ASCII):
        raise BadRecord(f"{shown(code)} is no currency code such as RUB or WMZ")
    return code or None


def number(value: Any) -> Decimal:
    """An exact number, whole or not, with its sign; raises BadRecord. For the forms of text see `amount`."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadRecord(f"expected a number, got {value!r}")
        return Decimal(f"{value:.15g}")  # a float's own noise begins after 15 digits
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        exact = Decimal(value)
        if not exact.is_finite() or abs(exact.adjusted()) > 40:
            raise BadRecord(f"expected a number, got {str(value)[:40]}")
        return exact
    if not isinstance(value, str) or not value.strip():
        raise BadRecord(f"expected a number, got {shown(value)}" if value not in (None, "") else "it is empty")
    return _from_text(value.strip())


def flag(value: Any) -> bool:
    """A yes or no in English, Russian, digits or as a truth value; absent is no. Raises BadRecord for the rest."""
    word = str("" if value is None else value).strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadRecord(f"{shown(value)} is neither yes nor no")


def moment(value: Any, zone: tzinfo, *, day: bool = False) -> datetime | None:
    """A time as aware UTC, None when absent: ISO 8601, `22.11.2026 9:05:00` or a spreadsheet's own.

    One without a zone is read in `zone`. A mere date is taken, as its midnight, only with `day`. Raises BadRecord for
    anything else, and for years that cannot be.
    """
    if value is None or value == "":
        return None
    try:
        found = _moment(value, day)
        when = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecord(f"expected a time such as 2026-11-22 10:00:00, got {shown(value)}") from None
    if when.year not in YEARS:
        raise BadRecord(f"the time {shown(value)} lies outside the years that can be real")
    return when


def deadline(value: Any, zone: tzinfo) -> datetime | None:
    """A time until when something is due, None when absent; a mere date is counted to its last second in `zone`."""
    end = moment(value, zone, day=True)
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    if end is None or not (is_date or ":" not in str(value)):
        return end
    return end_of(end.astimezone(zone).date(), zone)


def shown(value: Any) -> str:
    """The beginning of a value, in quotes, harmless in a message."""
    return ascii(str(value)[:40]) if _UNSTORABLE.search(str(value)[:40]) else repr(str(value)[:40])


def _from_text(written: str) -> Decimal:
    if found := _PLAIN.fullmatch(written):
        sign, digits, fraction = found.groups()
        if fraction and len(fraction) == 3 and len(digits) <= 3 and not digits.startswith("0"):
            raise BadRecord(f"{shown(written)} may mean thousands or decimals: write it with two decimals")
        return Decimal(f"{sign}{digits}.{fraction or 0}")
    if found := _GROUPED.fullmatch(written):
        sign, digits, _, fraction = found.groups()
        return Decimal(f"{sign}{re.sub('[^0-9]', '', digits)}.{fraction or 0}")
    raise BadRecord(f"expected a number, got {shown(written)}")


def _not_negative(minor: int) -> int:
    if minor < 0:
        raise BadRecord("the amount is below zero")
    return minor


def _moment(value: Any, day: bool) -> datetime:
    if isinstance(value, datetime):  # a spreadsheet counts days, so its seconds come with noise
        return (value + timedelta(milliseconds=500)).replace(microsecond=0)
    if isinstance(value, date):
        value = value.isoformat()
    written = str(value).strip()
    if ":" not in written:
        if not day:
            raise BadRecord(f"{shown(value)} has no time of day")
        return datetime.combine(_date(written), time())
    for form in _RUSSIAN:
        try:
            return datetime.strptime(written, form)  # noqa: DTZ007 - the caller gives it its zone
        except ValueError:
            continue
    return datetime.fromisoformat(written)


def _date(written: str) -> date:
    try:
        return datetime.strptime(written, "%d.%m.%Y").date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return date.fromisoformat(written)


def _whole_or_written(value: float | Decimal) -> str:
    """A whole number without decimals, as ids come from spreadsheets; else as it is written."""
    if not -(10**18) < value < 10**18:  # neither is NaN
        raise BadRecord(f"expected text, got the number {str(value)[:40]}")
    if isinstance(value, float) and not -(2**53) < value < 2**53:
        raise BadRecord(f"{value!r} was kept as a float and has lost digits: format that column as text")
    return str(int(value)) if int(value) == value else str(value)
