"""What alerts are made of, as values: findings as people are told of them, and alerts with their state."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from reconciler.findings import SEVERITIES
from reconciler.money import format_minor

State = Literal["open", "acknowledged", "resolved"]
OPEN: State = "open"
ACKNOWLEDGED: State = "acknowledged"
RESOLVED: State = "resolved"

Kind = Literal["findings", "digest", "storm", "inhibited", "notice", "trouble"]
"""One kind and provider; whatever can wait; too many at once; held back for its cause; from elsewhere; of ourselves."""


@dataclass(frozen=True, slots=True)
class Item:
    """A finding as an alert tells of it. `due_at` is when its case is due, `gone` whether it is open no more."""

    id: str
    kind: str
    severity: str
    provider: str | None
    said: dict[str, Any]
    amount_minor: int | None = None
    currency: str | None = None
    due_at: datetime | None = None
    case_id: str | None = None
    gone: bool = False
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert with what it is about; `said` are title and text of one that is not about findings."""

    id: str
    kind: str
    subject: str
    severity: str
    state: str
    said: dict[str, Any]
    opened_at: datetime
    items: tuple[Item, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None

    @property
    def standing(self) -> tuple[Item, ...]:
        """The findings that are still open."""
        return tuple(item for item in self.items if not item.gone)


@dataclass(frozen=True, slots=True)
class New:
    """An alert to be opened, about findings (`ids`) or about what is `said`.

    It is told at `due_at` (None: not before somebody says so), and again at `repeat_at`.
    """

    kind: Kind
    subject: str
    severity: str
    due_at: datetime | None
    repeat_at: datetime | None = None
    ids: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)


def weight(severity: str) -> int:
    """How much a severity weighs: the higher, the more severe."""
    return SEVERITIES.index(severity)


def worst(severities: Iterable[str]) -> str:
    """The most severe one; raises ValueError for none."""
    return max(severities, key=weight)


def stakes(items: Iterable[Item]) -> dict[str, str]:
    """What is at stake by currency, never added across currencies."""
    sums: Counter[str] = Counter()
    for item in items:
        if item.amount_minor is not None and item.currency is not None:
            sums[item.currency] += item.amount_minor
    return {currency: format_minor(minor, currency) or "" for currency, minor in sorted(sums.items())}
