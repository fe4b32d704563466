"""Money as whole minor units with a currency, and the ways in and out of that form."""

import re
from dataclasses import dataclass
from decimal import Decimal

from reconciler.errors import BadRecord

MAX_MINOR = 2**53 - 1
"""Amounts are bounded so that sums of a thousand of them still fit into 64 bits on every engine."""

_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "WMX": 8, "BTC": 8, "XTR": 0}
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in whole minor units of `currency` (upper-case code of the provider or ISO)."""

    minor: int
    currency: str


def exponent(currency: str) -> int:
    """Number of decimals of `currency` (2 unless it is known to differ)."""
    return _EXPONENTS.get(currency.upper(), 2)


def to_decimal(value: object) -> Decimal:
    """Read a number as a provider or a shop writes it: int, Decimal or plain decimal string.

    Floats are read by their shortest text (databases without a decimal type hand them out). Raises BadRecord.
    """
    if isinstance(value, bool) or value is None:
        raise BadRecord(f"expected a number, got {value!r}")
    if isinstance(value, Decimal) and abs(value.adjusted()) > 40:  # written out, 1e999999999 would fill the memory
        raise BadRecord(f"expected a number, got {value!r}")
    text = format(value, "f") if isinstance(value, Decimal) else repr(value) if isinstance(value, float) else str(value)
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise BadRecord(f"expected a number, got {text[:40]!r}")
    return Decimal(text)


def to_minor(value: object, currency: str) -> int:
    """Turn a major-unit amount into whole minor units; raises BadRecord when it is finer than a minor unit."""
    scaled = to_decimal(value).scaleb(exponent(currency))
    return check_minor(_whole(scaled, value, currency))


def check_minor(minor: int) -> int:
    """Return `minor` if it is in the range that every engine sums safely; raises BadRecord."""
    if abs(minor) > MAX_MINOR:
        raise BadRecord(f"amount {minor} is beyond what can be a payment")
    return minor


def format_minor(minor: int | None, currency: str | None) -> str | None:
    """The decimal string of an amount in minor units (`1250` USD is `12.50`); None stays None."""
    if minor is None:
        return None
    places = exponent(currency or "")
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def comparable(currency: str | None, equivalents: dict[str, str]) -> str | None:
    """The ISO currency that `currency` may be compared as, or None when it may not be compared at all.

    Account units such as WMZ count only as far as `[currency] equivalents` says so.
    """
    if not currency:
        return None
    code = currency.upper()
    if code in equivalents:
        return equivalents[code]
    return None if code.startswith("WM") else {"RUR": "RUB"}.get(code, code)


def _whole(scaled: Decimal, value: object, currency: str) -> int:
    whole = int(scaled)
    if scaled != whole:
        raise BadRecord(f"amount {value} is finer than a minor unit of {currency}")
    return whole
