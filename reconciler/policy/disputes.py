"""Chargebacks by themselves: stages, the state that all of them add up to, reason families and deadlines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_STARTED = ("opened", "under_review")
_AGAIN = ("second", "pre_arbitration", "arbitration")
_RANK = {"opened": 1, "under_review": 2, "second": 3, "pre_arbitration": 4, "arbitration": 5}
_ENDS = {
    "won": "won",
    "lost": "lost",
    "accepted": "lost",
    "expired": "lost",
    "withdrawn": "withdrawn",
    "prevented": "prevented",
}
STAGES = ("signal", *_STARTED, *_ENDS, *_AGAIN)
"""Every stage that can be recorded (contract section 1)."""

_LIFE = ("signal", "prevented", "opened", "under_review", "won", "withdrawn", *_AGAIN, "lost", "accepted", "expired")
"""How stages follow one another that have the same time, as in a list with dates only.

A second chargeback answers an outcome in the shop's favour, and a loss ends it: so money at stake is never hidden.
"""

_DAYS = {"Visa": 18, "Mastercard": 40, "American Express": 14, "Discover": 25}
_DAYS_ELSEWHERE = 14
"""Days to answer where the provider names no date: as card processors give them, shorter than the schemes' own."""

_FAMILIES = {
    "10.4": "fraud", "4837": "fraud", "4863": "fraud", "4870": "fraud", "4871": "fraud", "F29": "fraud",
    "12.6": "duplicate", "12.6.1": "duplicate", "12.6.2": "duplicate", "P08": "duplicate",
    "12.5": "amount", "12.3": "amount", "4834": "amount", "P05": "amount",
    "13.1": "not_received", "4853": "not_received", "C08": "not_received",
    "13.3": "not_as_described", "C31": "not_as_described",
    "11.1": "authorisation", "11.2": "authorisation", "11.3": "authorisation", "4808": "authorisation",
    "13.6": "credit_not_processed", "13.7": "cancelled", "13.2": "cancelled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageEvent:
    """One stage that a dispute was said to reach at `at`, with the provider's own due date if it gave one."""

    stage: str
    at: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What all stages add up to: `state` is signal, prevented, open, lost, won or withdrawn.

    `round` counts how often it began: each second chargeback or arbitration after an outcome is one more.
    """

    state: str
    stage: str
    since: datetime
    due_given: datetime | None = None
    round: int = 0


def derive(events: Iterable[StageEvent]) -> Standing:
    """The state of a dispute from everything that is known, in the order in which it happened, not of arrival.

    A late alert or a repeated beginning never takes an outcome back; a second chargeback or an arbitration does,
    and the newest outcome counts. Stages of one time follow each other as in the life of a dispute; of one stage that
    is told twice of one time the due date told last counts, as a correction. Raises ValueError without events.
    """
    ordered = sorted(events, key=lambda event: (event.at, _LIFE.index(event.stage)))
    if not ordered:
        raise ValueError("a dispute has at least one stage")
    standing = Standing("signal", "signal", ordered[0].at)
    for event in ordered:
        standing = _after(standing, event)
    return standing


def _after(standing: Standing, event: StageEvent) -> Standing:
    if event.stage == "prevented" and standing.state not in {"signal", "prevented"}:
        return standing  # an alert that comes late prevents nothing any more
    if event.stage in _ENDS:
        return Standing(_ENDS[event.stage], event.stage, event.at, round=standing.round)
    begins = event.stage in _AGAIN and standing.state != "open"
    first = event.stage in _STARTED and standing.state in {"signal", "prevented"}
    further = standing.state == "open" and _RANK.get(event.stage, 0) > _RANK[standing.stage]
    if begins or first or (further and event.stage in _AGAIN):
        return Standing("open", event.stage, event.at, event.due_at, standing.round + (0 if further else 1))
    is_answer = event.stage != "signal" or standing.state == "signal"
    due = (event.due_at if is_answer else None) or standing.due_given
    return Standing(standing.state, event.stage if further else standing.stage, standing.since, due, standing.round)


def due_at(standing: Standing, reason_code: str, zone: tzinfo) -> datetime | None:
    """When the answer is due: as the provider says, else by the scheme of the reason code; None when it is over.

    Where the provider names no date the scheme's usual days are assumed. They are whole days of `zone`: the day of the
    opening is not counted, and the last one counts to its end.
    """
    if standing.state != "open":
        return None
    opened = standing.since.astimezone(zone).date()
    return standing.due_given or end_of(opened + timedelta(days=usual_days(reason_code)), zone)


def usual_days(reason_code: str) -> int:
    """How many days there usually are to answer a chargeback of this reason."""
    return _DAYS.get(scheme(reason_code), _DAYS_ELSEWHERE)


def end_of(day: date, zone: tzinfo) -> datetime:
    """The last second of a day: until when something is due that is due on that day."""
    return (datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(seconds=1)).astimezone(UTC)


def scheme(reason_code: str) -> str:
    """The card scheme that a reason code belongs to, or an empty text."""
    code = reason_code.strip().upper()
    if code[:3] in {"10.", "11.", "12.", "13."}:
        return "Visa"
    if len(code) == 4 and code.isdigit():
        return "Mastercard" if code.startswith("48") else "Discover"
    if code[:1] in {"A", "C", "F", "P", "R", "M"} and code[1:].isdigit():
        return "American Express"
    return "Discover" if code[:2] in {"UA", "AA", "RG", "RM", "RN", "NF"} else ""


def family(reason_code: str) -> str:
    """What a dispute is about: fraud, duplicate, amount, not_received, …; `unknown` for other codes.

    4834 and 4853 stand for several reasons each; the commonest for digital goods is named.
    """
    return _FAMILIES.get(reason_code.strip().upper(), "unknown")
