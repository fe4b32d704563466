"""What the outbox does with an attempt's outcome: done, try again later and later, or hold it and call a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["todo", "sent", "held"]
STATES: tuple[State, ...] = ("todo", "sent", "held")
COMMAND = "command"
"""The channel of commands to the shop; others (alerts) have names of their own."""

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
PATIENCE = timedelta(days=3)
"""The first wait, how far waits grow, and how long an entry is tried at all (contract section 6)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver has it."""

    note: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not go through, or nobody knows; it may the next time.

    `asked` is the wait that the receiver asks for, `longest` how far waits grow for this kind of entry.
    """

    note: str
    asked: timedelta | None = None
    longest: timedelta = LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will not have it, now or later: a person has to look."""

    note: str


Outcome = Sent | Failed | Refused


def wait(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: 5 s, then twice as long each time, at most an hour."""
    doublings = min(failures - 1, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def retry_at(now: datetime, trying_since: datetime, failures: int, failed: Failed) -> datetime | None:
    """When to try again after a failure, never before the receiver wants it; None when three days are used up.

    The last try is at the end of the three days, however long the wait before it would have been.
    """
    last = trying_since + PATIENCE
    if now >= last:
        return None
    return min(now + max(min(wait(failures), failed.longest), failed.asked or timedelta()), last)
