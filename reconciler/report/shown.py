"""How money, times and ages are written on the screen and in alerts, and others' text made safe to look at."""

import unicodedata
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.words.voice import ENGLISH, NOTHING, Voice

__all__ = ["NOTHING", "age", "clean", "joined", "money", "number", "parse", "sums", "time"]

number, money, sums, age = ENGLISH.number, ENGLISH.money, ENGLISH.sums, ENGLISH.age

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_JOINER = "\u200d"
"""Holds emoji together; harmless, and in many names."""


def clean(value: object) -> str:
    """Text of others with its invisible characters (control, direction, zero width) written out, on one line."""
    text = str(value)
    return text if text.isprintable() else "".join(_written_out(char) for char in text)


def parse(text: str) -> datetime:
    """The time of an ISO text with zone."""
    return datetime.fromisoformat(text)


def time(text: str | None, zone: ZoneInfo) -> str:
    """An ISO time as the clock in `zone` shows it, the zone named: `2026-11-22 12:30 MSK`."""
    return Voice("en", zone).time(text)


def joined(values: Any) -> str:
    """Several ids in one text."""
    return ", ".join(str(value) for value in values or ())


def _written_out(char: str) -> str:
    hidden = char != _JOINER and unicodedata.category(char) in _INVISIBLE
    return char.encode("unicode_escape").decode() if hidden else char
