"""When jobs run and when alerts keep quiet, read from the configuration's own words."""

import re
from dataclasses import dataclass
from datetime import time

from reconciler.errors import ConfigError

MAX_MINUTES = 24 * 60
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_EVERY = re.compile(r"every ([0-9]{1,5}) minutes?", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>[0-9]+))?", re.ASCII)
_QUIET = re.compile(r"([0-9]{2}):([0-9]{2}) ?- ?([0-9]{2}):([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Every:
    """A job that runs every so many minutes."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Cron:
    """A job that runs by the clock: minute, hour, day, month, day_of_week in the form that APScheduler takes."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, WEEKDAYS),
)


def parse(expression: str) -> Every | Cron:
    """Read `every N minutes` or five crontab fields; raises ConfigError that says what is wrong with them."""
    match = _EVERY.fullmatch(expression.strip())
    if not match:
        return Cron(crontab_fields(expression))
    minutes = int(match.group(1))
    if not 1 <= minutes <= MAX_MINUTES:
        raise ConfigError(f"{expression!r}: the minutes must be 1 to {MAX_MINUTES}")
    return Every(minutes)


def crontab_fields(expression: str) -> tuple[str, ...]:
    """The five fields of a crontab line for APScheduler: lists of numbers, weekdays by name, `*` for all.

    In a crontab 0 and 7 are Sunday, while APScheduler counts from Monday = 0: only names mean the same to both. A
    day of month together with a weekday is refused, since cron takes either and APScheduler both. Raises ConfigError.
    """
    parts = expression.split()
    if len(parts) != len(_FIELDS):
        raise ConfigError(f'{expression!r}: write five crontab fields such as "0 4 * * *", or "every 10 minutes"')
    minutes, hours, days, months, weekdays = (
        _values(part.lower(), rule, expression) for part, rule in zip(parts, _FIELDS, strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    if len(days) < 31 and len(weekdays) < 7:
        raise ConfigError(f"{expression!r}: give a day of month or a weekday, not both")
    if min(days) > max(_LONGEST_MONTH.get(month, 31) for month in months):
        raise ConfigError(f"{expression!r}: this day never comes")
    return (
        _listed(minutes, 60),
        _listed(hours, 24),
        _listed(days, 31),
        _listed(months, 12),
        "*" if len(weekdays) == 7 else ",".join(WEEKDAYS[day] for day in sorted(weekdays)),
    )


def quiet_hours(text: str) -> tuple[time, time] | None:
    """The start and end of the quiet hours (`23:00-08:00`, over midnight too), None when empty; or ConfigError."""
    if not text.strip():
        return None
    match = _QUIET.fullmatch(text.strip())
    try:
        hours = [int(group) for group in match.groups()] if match else []
        start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    except (ValueError, IndexError):
        raise ConfigError(f'{text!r}: write them as "23:00-08:00"') from None
    if start == end:
        raise ConfigError(f"{text!r}: they begin and end at the same time")
    return start, end


def _values(text: str, rule: _Field, expression: str) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if not match:
            raise ConfigError(f"{expression!r}: {part!r} is no {rule.name}")
        values |= _span(match, rule, expression)
    return values


def _span(match: re.Match[str], rule: _Field, expression: str) -> set[int]:
    first, last, step = match["first"], match["last"], match["step"]
    if first == "*" and last is None:
        low, high = rule.low, 6 if rule.name == "weekday" else rule.high
    else:
        low = _number(first, rule, expression)
        high = low if last is None else _number(last, rule, expression)
    if low > high or step == "0" or (step and last is None and first != "*"):
        raise ConfigError(f"{expression!r}: {match.group()!r} is no {rule.name}")
    return set(range(low, high + 1, int(step or 1)))


def _number(word: str, rule: _Field, expression: str) -> int:
    if word in rule.words:
        return rule.words.index(word) + rule.low
    if not word.isdigit() or not rule.low <= int(word) <= rule.high:
        raise ConfigError(f"{expression!r}: {word!r} is no {rule.name} ({rule.low} to {rule.high})")
    return int(word)


def _listed(values: set[int], full: int) -> str:
    return "*" if len(values) == full else ",".join(map(str, sorted(values)))
