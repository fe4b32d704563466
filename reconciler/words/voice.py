"""How a reader is spoken to: words, numbers, money, days and times of one language, by the clock of one zone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from reconciler.words import knows, say
from reconciler.words.sentences import told

NOTHING = "–"
_SIGNS = {"ru": {"RUB", "USD", "EUR"}}
"""Currencies that a language's readers expect as a sign; all others, the provider's own units too, by their code."""

UTC = ZoneInfo("UTC")
_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_IN_UTC = re.compile(r"\b(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC\b")
_AMOUNT = re.compile(r"(?<![\w.,-])(\d+\.\d\d) ([A-Z]{3,4})\b")


@dataclass(frozen=True, slots=True)
class Voice:
    """One language and one zone. Amounts are decimal strings, times ISO texts with zone; None is a dash."""

    language: str = "en"
    zone: ZoneInfo = UTC

    def say(self, key: str, /, **values: object) -> str:
        """The text for `key`."""
        return say(self.language, key, **values)

    def knows(self, key: str) -> bool:
        """Whether there is a text for `key`."""
        return knows(self.language, key)

    def sentence(self, text: str) -> str:
        """What the program wrote down in English, in this language, with its times and amounts as the reader has them.

        What others wrote stays as it is.
        """
        if self.language == "en":
            return _INSTANT.sub(lambda found: self.time(found[0]), text)
        said = told(self.language, text)
        if said == text:
            return text
        said = _INSTANT.sub(lambda found: self.time(found[0]), said)
        said = _IN_UTC.sub(lambda found: self.time(f"{found[1]}T{found[2]}Z"), said)
        return _AMOUNT.sub(lambda found: self.money(found[1], found[2]), said)

    def title(self, kind: str) -> str:
        """The name of a kind of finding."""
        return (
            self.say(f"kind.{kind}.title") if self.knows(f"kind.{kind}.title") else kind.replace("_", " ").capitalize()
        )

    def count(self, number: int) -> str:
        """A whole number: `1,234`, `1 234`."""
        return self.number(str(number))

    def number(self, amount: str | None) -> str:
        """A decimal string in full, its thousands set apart: `84,000.00`, `84 000,00`."""
        if amount is None:
            return NOTHING
        from babel.numbers import format_decimal

        value = Decimal(amount)
        places = max(0, -int(value.as_tuple().exponent))
        pattern = "#,##0." + "0" * places if places else "#,##0"
        return format_decimal(value, pattern, locale=self.language, decimal_quantization=False)

    def money(self, amount: str | None, currency: str | None) -> str:
        """An amount with its currency: `84,000.00 RUB`, `84 000,00 ₽`."""
        if amount is None:
            return NOTHING
        return self.say("format.money", number=self.number(amount), currency=self.currency(currency or "")).rstrip()

    def currency(self, code: str) -> str:
        """A currency as it stands beside an amount."""
        if code not in _SIGNS.get(self.language, ()):
            return code
        from babel.numbers import get_currency_symbol

        return get_currency_symbol(code, locale=self.language)

    def sums(self, amounts: Mapping[str, str]) -> str:
        """Amounts of several currencies side by side, never added."""
        return ", ".join(self.money(amount, currency) for currency, amount in sorted(amounts.items()))

    def time(self, text: str | None) -> str:
        """A time as the zone's clock shows it, the zone named: `2026-11-22 12:30 MSK`, `22.11.2026 12:30 МСК`."""
        if text is None:
            return NOTHING
        name = datetime.fromisoformat(text).astimezone(self.zone).tzname() or ""
        return f"{self.clock(text)} {self.say(f'zone.{name}') if self.knows(f'zone.{name}') else name}"

    def clock(self, text: str) -> str:
        """The same without the zone, for where the zone is written elsewhere: `2026-11-22 12:30`."""
        from babel.dates import format_datetime

        local = datetime.fromisoformat(text).astimezone(self.zone)
        return format_datetime(local, self.say("format.time"), tzinfo=self.zone, locale=self.language)

    def day(self, day: date, form: str = "format.day") -> str:
        """A day in words: `Sunday, 22 November 2026`, `Воскресенье, 22 ноября 2026`."""
        from babel.dates import format_date

        shown = format_date(day, self.say(form), locale=self.language)
        return shown[:1].upper() + shown[1:]

    def age(self, seconds: float) -> str:
        """A span of time in its one or two largest units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
        minutes = int(seconds // 60)
        if minutes < 1:
            return self.say("age.s", n=max(0, int(seconds)))
        if minutes < 60:
            return self.say("age.min", n=minutes)
        hours, minutes = divmod(minutes, 60)
        if hours < 24:
            return self._two("h", hours, "min", minutes)
        days, hours = divmod(hours, 24)
        return self._two("d", days, "h", hours)

    def _two(self, large: str, number: int, small: str, rest: int) -> str:
        text = self.say(f"age.{large}", n=number)
        return f"{text} {self.say(f'age.{small}', n=rest)}" if rest else text


ENGLISH = Voice("en")
"""The language of the screen and of what programs read."""
