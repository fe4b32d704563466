"""What lists of findings and cases can be narrowed to, read from an address as people write it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.money import to_minor

NAMES = (
    "q",
    "kind",
    "status",
    "severity",
    "provider",
    "account",
    "owner",
    "currency",
    "least",
    "most",
    "since",
    "until",
)
"""The names in the address."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One way to narrow a list; what is empty narrows nothing. `least` and `most` are amounts in minor units."""

    q: str = ""
    kind: str = ""
    status: str = ""
    severity: str = ""
    provider: str = ""
    account: str = ""
    owner: str = ""
    currency: str = ""
    least: int | None = None
    most: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def but(self, **changes: Any) -> "Wanted":
        """The same with something else."""
        return replace(self, **changes)


def wanted(asked: Mapping[str, str], zone: ZoneInfo) -> Wanted:
    """What an address asks for. Raises BadRecord for an amount or a date that is none."""
    text = {name: asked.get(name, "").strip()[:200].replace("\0", "") for name in NAMES}
    currency = text["currency"].upper()
    return Wanted(
        **{name: text[name] for name in ("q", "kind", "status", "severity", "provider", "account", "owner")},
        currency=currency,
        least=to_minor(text["least"], currency) if text["least"] else None,
        most=to_minor(text["most"], currency) if text["most"] else None,
        since=_midnight(text["since"], zone, 0),
        until=_midnight(text["until"], zone, 1),
    )


def conditions(table: sa.Table, asked: Wanted, *, time: str) -> Iterator[sa.ColumnElement[bool]]:
    """What rows of a table have to fulfil, but for the search; `time` is the column that dates are about."""
    same = {"kind": asked.kind, "status": asked.status, "severity": asked.severity, "provider": asked.provider}
    same |= {"account_id": asked.account, "owner": asked.owner, "currency": asked.currency}
    yield from (table.c[name] == value for name, value in same.items() if value)
    if asked.least is not None:
        yield table.c.amount_minor >= asked.least
    if asked.most is not None:
        yield table.c.amount_minor <= asked.most
    if asked.since is not None:
        yield table.c[time] >= asked.since
    if asked.until is not None:
        yield table.c[time] < asked.until


def _midnight(text: str, zone: ZoneInfo, days: int) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), zone)
    except (ValueError, OverflowError):
        raise BadRecord(f"{text[:20]!r} is no date: write it as in 2026-11-22") from None
