"""Puts what a run found into few alerts: critical ones at once by kind and provider, the rest into a digest."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from reconciler.alerts.model import Item, Kind, weight, worst

MOST_AT_ONCE = 4
"""Messages that one run may send at once; with the digest that makes five at most."""
STORM = 50
"""More critical findings than that in one run are one alert: so many at once are a broken feed, or a first run."""
CHILDREN = ("feed_gap", "unreadable_record")
"""Kinds that a provider out of reach causes by itself: they wait until it is back, and may be gone by then."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that are told together."""

    kind: Kind
    subject: str
    severity: str
    ids: tuple[str, ...]


def grouped(items: Iterable[Item], minimum: str, down: Collection[str]) -> list[Group]:
    """The groups of what is new, the most severe first; below `minimum` nobody is told.

    `down`: the providers that cannot be read just now.
    """
    heard = [item for item in items if weight(item.severity) >= weight(minimum)]
    children = [item for item in heard if item.kind in CHILDREN and item.provider in down]
    rest = [item for item in heard if item not in children] if children else heard
    critical = [item for item in rest if item.severity == "critical"]
    others = [item for item in rest if item.severity != "critical"]
    groups = _at_once(critical)
    if others:
        groups.append(_group("digest", "digest", others))
    for provider in sorted({str(item.provider) for item in children}):
        groups.append(_group("inhibited", provider, [item for item in children if item.provider == provider]))
    return groups


def _at_once(critical: Sequence[Item]) -> list[Group]:
    ordered = sorted(critical, key=_cause)
    groups = [_group("findings", cause, list(members)) for cause, members in groupby(ordered, key=_cause)]
    if len(critical) > STORM or len(groups) > MOST_AT_ONCE:
        return [_group("storm", "storm", ordered)]
    return groups


def _cause(item: Item) -> str:
    return f"{item.kind}/{item.provider or 'shop'}"


def _group(kind: Kind, subject: str, items: Sequence[Item]) -> Group:
    return Group(kind, subject, worst(item.severity for item in items), tuple(item.id for item in items))
