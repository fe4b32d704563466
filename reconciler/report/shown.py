"""How money, times and ages are written for people, alike in every format and on the screen."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

NOTHING = "–"

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_JOINER = "\u200d"
"""Holds emoji together; harmless, and in many names."""


def clean(value: object) -> str:
    """Text of others with its invisible characters (control, direction, zero width) written out, on one line."""
    return "".join(_written_out(char) for char in str(value))


def number(amount: str | None) -> str:
    """A decimal string with its thousands set apart: `84000.00` is `84,000.00`; an unknown amount is a dash."""
    return NOTHING if amount is None else f"{Decimal(amount):,f}"


def money(amount: str | None, currency: str | None) -> str:
    """An amount with its currency: `84,000.00 RUB`."""
    return NOTHING if amount is None else f"{number(amount)} {currency or ''}".rstrip()


def sums(amounts: Mapping[str, str]) -> str:
    """Amounts of several currencies side by side, never added: `84,000.00 RUB, 12.50 USD`."""
    return ", ".join(money(amount, currency) for currency, amount in sorted(amounts.items()))


def parse(text: str) -> datetime:
    """The time of an ISO text with zone."""
    return datetime.fromisoformat(text)


def time(text: str | None, zone: ZoneInfo) -> str:
    """An ISO time as the clock in `zone` shows it, the zone named: `2026-11-22 12:30 MSK`."""
    return NOTHING if text is None else f"{parse(text).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def age(seconds: float) -> str:
    """A span of time in its one or two largest units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{max(0, int(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def joined(values: Any) -> str:
    """Several ids in one text."""
    return ", ".join(str(value) for value in values or ())


def _written_out(char: str) -> str:
    hidden = char != _JOINER and unicodedata.category(char) in _INVISIBLE
    return char.encode("unicode_escape").decode() if hidden else char
