"""Single values of the shop's ledger (contract section 3) as text, numbers, times and money, or a BadRecord."""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reconciler.errors import BadRecord
from reconciler.money import check_minor, to_decimal, to_minor
from reconciler.text import clean

MAX_TEXT = 255
"""Longest id or e-mail that is taken; whatever is longer is no id."""

MAX_MICRO = 10**18
_FLOAT_ID = re.compile(r"([0-9]+)\.0+", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_EPOCH_TEXT = re.compile(r"[0-9]{10}([0-9]{3})?(\.[0-9]+)?", re.ASCII)
_EPOCH_S = range(10**9, 5 * 10**9)  # the years 2001 to 2128
_EPOCH_MS = range(10**12, 5 * 10**12)


def present(value: Any) -> Any:
    """The value, or None where it is absent or blank text."""
    return None if isinstance(value, str) and not value.strip() else value


def text_id(value: Any) -> str | None:
    """An id as text, None when absent: whole numbers become their digits, also where a column holds floats.

    Raises BadRecord for what is no id: truth values, fractions, floats too large to be exact, text that no database
    keeps alike (NUL, lone surrogates) or that is longer than `MAX_TEXT`.
    """
    if type(value) is str:
        return _checked(value.strip() or None)
    if isinstance(value, bool | bytes | memoryview | date | list | dict):
        raise BadRecord(f"expected text or a whole number, got {type(value).__name__}")
    if isinstance(value, float | Decimal):
        value = _whole(value)
    return _checked(clean(value))


def number_id(value: Any) -> str | None:
    """Like `text_id` for ids that a provider numbers: `123.0`, as float columns are exported, is `123`."""
    text = text_id(value)
    match = _FLOAT_ID.fullmatch(text) if text else None
    return match.group(1) if match else text


def moment(value: Any, *, zoneless: bool = False) -> datetime | None:
    """A time as aware UTC, None when absent.

    Taken are a database's own times (without zone: UTC), ISO-8601 text with a zone, and epoch numbers (seconds or
    milliseconds). With `zoneless`, for databases that keep times as text, text without a zone is UTC and the text of
    an epoch number is one.
    Raises BadRecord for anything else, a mere date included.
    """
    value = present(value)
    if value is None:
        return None
    try:
        return _aware(value, zoneless)
    except (ValueError, OverflowError):
        raise BadRecord(f"expected a time such as 2026-11-22T10:00:00Z, got {_shown(value)}") from None


def amount(value: Any, currency: str) -> int:
    """Major units (decimal string, NUMERIC, or a float as SQLite keeps it) as minor units, not below zero."""
    return _not_negative(to_minor(_exact(value), currency), value)


def minor(value: Any) -> int:
    """A whole number of minor units, not below zero; raises BadRecord for fractions."""
    number = to_decimal(_exact(value))
    if number != int(number):
        raise BadRecord(f"expected whole minor units, got {_shown(value)}")
    return _not_negative(check_minor(int(number)), value)


def micro(value: Any, *, negative: bool = False) -> int | None:
    """Credits as millionths, exact, None when absent; below zero only if `negative`. Raises BadRecord when finer."""
    value = present(value)
    if value is None:
        return None
    scaled = to_decimal(_exact(value)).scaleb(6)
    if scaled != int(scaled):
        raise BadRecord(f"{_shown(value)} is finer than a millionth of a credit")
    if abs(scaled) > MAX_MICRO:
        raise BadRecord(f"{_shown(value)} is beyond what can be credits")
    return int(scaled) if negative else _not_negative(int(scaled), value)


def currency_code(value: Any) -> str:
    """An ISO currency in upper case; raises BadRecord for what has not three letters."""
    code = (text_id(value) or "").upper()
    if not _CURRENCY.fullmatch(code):
        raise BadRecord(f"expected a currency of three letters, got {_shown(value)}")
    return code


def one_of(value: Any, allowed: tuple[str, ...]) -> str | None:
    """The value trimmed and in lower case, None when absent; raises BadRecord unless it is one of `allowed`."""
    word = (text_id(value) or "").lower()
    if word and word not in allowed:
        raise BadRecord(f"{_shown(value)} is none of {', '.join(allowed)}")
    return word or None


def plain(value: Any) -> Any:
    """The value as JSON keeps it without loss: numbers that are not whole, times and the rest become text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{len(value)} bytes" if isinstance(value, bytes | memoryview) else str(value)


def _aware(value: Any, zoneless: bool) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _epoch(value)
    text = str(value).strip()
    if zoneless and _EPOCH_TEXT.fullmatch(text):
        return _epoch(Decimal(text))
    if ":" not in text and "T" not in text:
        raise ValueError(text)  # a mere date, which the parser below would take for midnight
    time = datetime.fromisoformat(text)
    if time.tzinfo is None and not zoneless:
        raise BadRecord(f"the time {_shown(value)} has no zone: write 2026-11-22T10:00:00Z or +03:00")
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _epoch(value: float | Decimal) -> datetime:
    whole = int(value)
    if whole not in _EPOCH_S and whole not in _EPOCH_MS:
        raise ValueError(whole)
    return datetime.fromtimestamp(float(value) if whole in _EPOCH_S else float(value) / 1000, UTC)


def _exact(value: Any) -> Any:
    # A float holds any decimal of 15 digits exactly enough to give it back; digits beyond are the float's own noise.
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(f"{value:.15g}")
    return value.strip() if isinstance(value, str) else value


def _whole(value: float | Decimal) -> int:
    if not math.isfinite(value) or value != int(value):
        raise BadRecord(f"expected a whole number as id, got {_shown(value)}")
    if isinstance(value, float) and abs(value) >= 2**53:
        raise BadRecord(f"the id {_shown(value)} was kept as a float and has lost digits")
    return int(value)


def _checked(text: str | None) -> str | None:
    if text and (len(text) > MAX_TEXT or (not text.isprintable() and _UNSTORABLE.search(text))):
        raise BadRecord(f"{_shown(text)} is too long or holds characters that cannot be stored")
    return text


def _not_negative(number: int, value: Any) -> int:
    if number < 0:
        raise BadRecord(f"{_shown(value)} is below zero")
    return number


def _shown(value: Any) -> str:
    shown = value if isinstance(value, str | int | float) else str(value)
    return repr(shown[:40]) if isinstance(shown, str) else repr(shown)
