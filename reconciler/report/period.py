"""The span that a report is about: a day, a week or a month, as a clock in one zone counts them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Length = Literal["day", "week", "month"]
LENGTHS: tuple[Length, ...] = get_args(Length)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first midnight to the one that ends it: `start ≤ t < end`. Days have 23 to 25 hours."""

    first: date
    zone: ZoneInfo
    length: Length = "day"

    @property
    def after(self) -> date:
        """The first day of the next one."""
        if self.length == "month":
            return (self.first.replace(day=28) + timedelta(days=4)).replace(day=1)
        return self.first + timedelta(days=7 if self.length == "week" else 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.after - timedelta(days=1)

    @property
    def start(self) -> datetime:
        """Its first midnight, in UTC."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The midnight that ends it, in UTC."""
        return midnight(self.after, self.zone)

    @property
    def name(self) -> str:
        """What its files are called: `2026-11-22`, `2026-W47`, `2026-11`."""
        if self.length == "week":
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02}"
        return self.first.isoformat()[: 7 if self.length == "month" else 10]

    def holds(self, moment: datetime) -> bool:
        """Whether the moment is in it."""
        return self.start <= moment < self.end


def around(day: date, zone: ZoneInfo, length: Length = "day") -> Period:
    """The period of a length that a day belongs to; weeks begin on Monday."""
    if length == "week":
        return Period(day - timedelta(days=day.weekday()), zone, length)
    return Period(day.replace(day=1) if length == "month" else day, zone, length)


def today(now: datetime, zone: ZoneInfo) -> Period:
    """The day that a moment belongs to in a zone."""
    return around(now.astimezone(zone).date(), zone)


def last_whole(now: datetime, zone: ZoneInfo, length: Length) -> Period:
    """The newest period of a length that is over."""
    current = around(now.astimezone(zone).date(), zone, length)
    return around(current.first - timedelta(days=1), zone, length)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in a zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
