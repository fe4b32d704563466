"""Counts business days by a country's calendar (policy 5): transferred days and working Saturdays included."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reconciler.policy.disputes import end_of

if TYPE_CHECKING:
    from holidays import HolidayBase

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something is due and when to warn; `known` is False where the calendar of that year is not out yet."""

    due_at: datetime
    warn_at: datetime
    known: bool

    def state(self, now: datetime) -> str:
        """`overdue`, `due_soon` or `waiting`."""
        return "overdue" if now > self.due_at else "due_soon" if now >= self.warn_at else "waiting"


def business_deadline(start: datetime, days: int, country: str, zone: ZoneInfo, warn_days: int = 3) -> Deadline:
    """The end, in `zone`, of the `days`-th business day after `start`'s day; the warning is due `warn_days` before.

    Raises ValueError for a country that has no calendar.
    """
    calendar = _calendar(country)
    due = _step(calendar, start.astimezone(zone).date(), days)
    warn = _step(calendar, due, -warn_days)
    known_until = _known_until(country)
    first = datetime.combine(warn, time(), zone)
    return Deadline(end_of(due, zone), first.astimezone(_UTC), known_until is None or due.year <= known_until)


def _step(calendar: "HolidayBase", day: date, count: int) -> date:
    one = timedelta(days=1 if count > 0 else -1)
    while count:
        day += one
        if calendar.is_working_day(day):
            count -= one.days
    return day


@cache
def _calendar(country: str) -> "HolidayBase":
    from holidays import country_holidays

    try:
        return country_holidays(country)
    except NotImplementedError:
        raise ValueError(f"no calendar of business days is known for {country!r}") from None


@cache
def _known_until(country: str) -> int | None:
    """The last year whose transferred days the calendar knows; None where no days are transferred by decree."""
    years = getattr(_calendar(country), "special_public_holidays", None)
    return max(years) if years else None
