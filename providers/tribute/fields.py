"""Single fields of Tribute's records, read strictly: what cannot be understood raises BadRecord, never becomes 0."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import BadRecord
from reconciler.money import check_minor, to_decimal
from reconciler.text import fold_uuid

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_CODE = re.compile(r"[A-Za-z]{3,5}", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.IGNORECASE | re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 2015, 2100
"""Tribute is younger than the one; a time past the other is milliseconds taken for seconds."""


def is_uuid(value: object) -> bool:
    """Whether `value` has the form of a shop order's id (fact sheet A2.4)."""
    return isinstance(value, str) and bool(_UUID.fullmatch(value.strip()))


def order_uuid(value: object) -> str:
    """A shop order's id in lower case; raises BadRecord when it is no UUID: it is part of every ref of that order."""
    if not is_uuid(value):
        raise BadRecord(f"expected a UUID, got {_shown(value)}")
    return fold_uuid(str(value).strip())


def number_id(value: object) -> str:
    """A numeric id as decimal text; Tribute writes int or numeric string, up to 64 bits (fact sheet A2.4)."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | str) or not _ID.fullmatch(text):
        raise BadRecord(f"expected a numeric id, got {_shown(value)}")
    return str(int(text))


def moment(value: object) -> datetime:
    """A time as aware UTC: Unix seconds, or RFC 3339 with 0 to 9 decimals where no zone means UTC (fact sheet A2.3).

    Finer digits than microseconds are cut. Raises BadRecord for anything else.
    """
    text = str(value).strip()
    try:
        when = _from_seconds(value, text) if _SECONDS.fullmatch(text) else _from_text(value, text)
    except (ValueError, OverflowError, OSError):
        raise BadRecord(f"expected a time, got {_shown(value)}") from None
    if not _FIRST_YEAR <= when.year <= _LAST_YEAR:
        raise BadRecord(f"the time {_shown(value)} lies outside the years that can be real")
    return when


def moment_of(record: Mapping[str, Any], name: str) -> datetime | None:
    """The optional time `name` of a record; absent, null and empty are None (fact sheet A10.7)."""
    value = record.get(name)
    return None if value is None or value == "" else moment(value)


def text_of(record: Mapping[str, Any], *names: str) -> str | None:
    """The first text among `names` that is there, trimmed and storable; absent, null and empty are None."""
    for name in names:
        value = record.get(name)
        if isinstance(value, bool | dict | list):
            raise BadRecord(f"{name} is no text")
        text = plain(str(value)).strip() if value is not None else ""
        if text:
            return text
    return None


def id_of(record: Mapping[str, Any], *names: str) -> str | None:
    """The first numeric id among `names` that is there; 0 is how Go writes an absent number, so it is None too."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "" and number_id(value) != "0":
            return number_id(value)
    return None


def flag(record: Mapping[str, Any], name: str) -> bool | None:
    """A boolean; absent is None, which is unknown and not false (fact sheet A5.5)."""
    value = record.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRecord(f"{name} is neither true nor false")
    return value


def minor(value: object, name: str) -> int:
    """An amount in whole minor units, not negative (fact sheet A2.2)."""
    number = to_decimal(value)
    if number != int(number) or number < 0:
        raise BadRecord(f"{name} {number} is not in whole minor units")
    return check_minor(int(number))


def currency(value: object) -> str:
    """A currency code in upper case; Tribute writes lower case, older pages upper case (fact sheet A2.2)."""
    text = str(value).strip()
    if not isinstance(value, str) or not _CODE.fullmatch(text):
        raise BadRecord(f"expected a currency, got {_shown(value)}")
    return text.upper()


def record_of(value: Any) -> dict[str, Any]:
    """The record as an object; raises BadRecord when it is anything else."""
    if not isinstance(value, dict):
        raise BadRecord(f"expected an object, got {type(value).__name__}")
    return value


def plain(text: str) -> str:
    """The text without NUL and lone surrogates, which not every database stores."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _from_seconds(value: object, text: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRecord(f"expected a time, got {_shown(value)}")
    return datetime.fromtimestamp(int(text), UTC)


def _from_text(value: object, text: str) -> datetime:
    found = _TIME.fullmatch(text) if isinstance(value, str) else None
    if not found:
        raise ValueError(text)
    day, clock, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone
    return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset}").astimezone(UTC)


def _shown(value: object) -> str:
    return "nothing" if value is None or value == "" else repr(plain(str(value))[:40])
