"""Options that several commands share, and how what they say is read."""

import re
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from reconciler.cli.failures import WrongUsage

if TYPE_CHECKING:
    from reconciler.money import Money

_CURRENCY = re.compile(r"[A-Z]{3,4}", re.ASCII)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
FailOnFindings = Annotated[
    bool,
    typer.Option("--fail-on-findings", help="End with code 1 when findings of severity warning or above are open."),
]


def moment(option: str, text: str | None, zone: ZoneInfo, *, end_of_day: bool = False) -> datetime | None:
    """The time that an option names: ISO 8601, in `zone` unless it names its own; a date means its midnight.

    With `end_of_day` a date is included whole. Raises WrongUsage.
    """
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-22"):
            start = date.fromisoformat(text) + timedelta(days=1 if end_of_day else 0)
            return datetime.combine(start, time(), zone)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise WrongUsage(f"{option} {text!r} is no time: write 2026-11-22 or 2026-11-22T10:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def deadline(option: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    """The time by which something is due; a date is counted to its last second. Raises WrongUsage."""
    from reconciler.policy.disputes import end_of

    named = moment(option, text, zone)
    return end_of(named.date(), zone) if named and len(text or "") == len("2026-11-22") else named


def day(option: str, text: str) -> date:
    """The date that an option names; raises WrongUsage."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{option} {text!r} is no date: write it as in 2026-11-22") from None


def one_of(option: str, text: str | None, known: Collection[str]) -> str | None:
    """The option's value when it is one of the known ones; raises WrongUsage that names them."""
    if text is not None and text not in known:
        raise WrongUsage(f"{option} {text!r} is unknown: it is one of {', '.join(known)}")
    return text


def filled(option: str, text: str) -> str:
    """The option's text without space around it; raises WrongUsage when nothing is left."""
    if not text.strip():
        raise WrongUsage(f"{option} is empty: say something there")
    return text.strip()


def money_of(amount: str, currency: str) -> "Money":
    """The money that --amount and --currency name: above zero, whole minor units. Raises WrongUsage."""
    from reconciler.errors import BadRecord
    from reconciler.money import Money, to_minor

    code = currency.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise WrongUsage(f"--currency {currency!r} is no currency code: write it as in RUB or WMZ")
    try:
        minor = to_minor(amount, code)
    except BadRecord as error:
        raise WrongUsage(f"--amount: {error}; write it as in 12.50") from None
    if minor <= 0:
        raise WrongUsage(f"--amount {amount} is not above zero")
    return Money(minor, code)
