"""Single fields as DigiSeller writes them: Moscow dates, numbers as text, base64 echoes, and secrets to be dropped."""

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from reconciler.errors import BadRecord
from reconciler.http import scrub
from reconciler.money import to_decimal
from reconciler.text import clean, storable

MOSCOW = ZoneInfo("Europe/Moscow")
MAX_ECHOES = 20
MAX_ECHO_CHARS = 200
_SECRET_FIELDS = {
    *("product_entry", "uid", "unique_code", "uniquecode", "token", "access_token"),
    *("sign", "sha256", "password", "secret", "api_key", "apikey"),
}
_DATE = re.compile(
    r"(?:(?P<y1>\d{4})-(?P<m1>\d\d?)-(?P<d1>\d\d?)|(?P<d2>\d\d?)\.(?P<m2>\d\d?)\.(?P<y2>\d{4}))[T ]"
    r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_FLAGS = {"1": True, "true": True, "0": False, "false": False}


def moment(value: object) -> datetime | None:
    """A date as UTC; Moscow time where no zone is written; None when absent or `0001-01-01` (fact sheet A0.8, A13.8).

    Takes `yyyy-MM-dd HH:mm:ss`, `dd.MM.yyyy H:mm:ss` and ISO with T, fractions and offset; raises BadRecord otherwise.
    """
    text = clean(value)
    if text is None:
        return None
    found = _DATE.fullmatch(text)
    if not found:
        raise BadRecord(f"unreadable date {text[:40]!r}")
    part = found.groupdict()
    year, month, day = (int(part[f"{name}1"] or part[f"{name}2"]) for name in "ymd")
    if year <= 1:
        return None
    clock = (int(part["hour"]), int(part["minute"]), int(part["second"] or 0), _micros(part["fraction"]))
    try:
        return datetime(year, month, day, *clock, tzinfo=_zone(part["zone"])).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"unreadable date {text[:40]!r} ({error})") from None


def moscow_text(when: datetime) -> str:
    """An aware time as `yyyy-MM-dd HH:mm:ss` on Moscow's clock, the form of requests (fact sheet A3)."""
    return when.astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M:%S")


def whole(value: object, name: str) -> int:
    """A whole number written as number or text; raises BadRecord that names the field."""
    number = decimal(value, name)
    if number != int(number):
        raise BadRecord(f"{name}: expected a whole number, got {number}")
    return int(number)


def decimal(value: object, name: str) -> Decimal:
    """A number written as number or text; raises BadRecord that names the field."""
    try:
        return to_decimal(value)
    except BadRecord as error:
        raise BadRecord(f"{name}: {error}") from None


def invoice(value: object, name: str) -> str:
    """An invoice number as text; 0 means no sale (fact sheet A5); raises BadRecord."""
    number = whole(value, name)
    if number <= 0:
        raise BadRecord(f"{name}: {number} is no invoice")
    return str(number)


def flag(value: object, name: str) -> bool:
    """A yes or no written as boolean, 0/1 or text; raises BadRecord for anything else."""
    known = _FLAGS.get(str(value).strip().lower())
    if known is None:
        raise BadRecord(f"{name}: expected 0 or 1, got {str(value)[:40]!r}")
    return known


def plain(value: object) -> str | None:
    """A trimmed text that every database stores, or None when absent or empty."""
    text = clean(value)
    return None if text is None else str(storable(text))


def echoes(query_string: object, external_order_id: object) -> tuple[str, ...]:
    """The shop's own ids as given back: the values of the base64 `name=value&…`, and `external_order_id`.

    A text without `=` counts as one value. Broken base64 gives nothing: it names nobody (the raw record keeps it).
    """
    decoded = _unpacked(clean(query_string) or "")
    values = [value for _, value in parse_qsl(decoded, max_num_fields=None)] if "=" in decoded else [decoded]
    cleaned = [plain(value) for value in (*values[:MAX_ECHOES], external_order_id)]
    return tuple(dict.fromkeys(value for value in cleaned if value and len(value) <= MAX_ECHO_CHARS))


def kept(value: Any) -> Any:
    """A record as it may be stored: without `product_entry`, `uid`, tokens and signatures, wherever they stand."""
    return storable(_without_secrets(value))


def digest(value: Any) -> str:
    """SHA-256 of a record without its secrets: the name of one that has no number of its own."""
    return hashlib.sha256(json.dumps(kept(value), sort_keys=True, default=str).encode()).hexdigest()


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items() if str(key).casefold() not in _SECRET_FIELDS}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return scrub(value) if isinstance(value, str) and "=" in value else value


def _micros(digits: str | None) -> int:
    return int((digits or "0")[:6].ljust(6, "0"))


def _zone(text: str | None) -> Any:
    if text is None:
        return MOSCOW
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _unpacked(packed: str) -> str:
    try:
        padded = packed.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
