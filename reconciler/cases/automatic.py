"""What the policy may do by itself in mode `auto`, and the brake over it (policy 7.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.cases.assess import chargeback_matter
from reconciler.cases.model import OPEN, Action, Case, Facts, Picture
from reconciler.policy.chargeback import leading, stale

WINDOW = timedelta(hours=24)
"""The rolling time over which automatic commands are counted."""
ORDER: tuple[Action, ...] = ("suspend", "forfeit", "ban")


@dataclass(frozen=True, slots=True)
class Planned:
    """The automatic commands of one case: each effect a command of its own."""

    case_id: str
    effects: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes out by itself now. `braked`: more was due than the limit allows, so nothing of it goes."""

    go: tuple[Planned, ...] = ()
    held: tuple[Planned, ...] = ()

    @property
    def braked(self) -> bool:
        """Whether the brake has held something back."""
        return bool(self.held)


def plan(
    seen: Iterable[tuple[Case, Facts, Picture]],
    *,
    effects: Sequence[Action],
    limit: int,
    sent: int,
    first_run_at: datetime | None,
) -> Plan:
    """Which cases may act by themselves: every check passes, and nothing about them is old.

    `sent` counts the automatic commands of the last 24 hours. One more than the limit due together means that a feed
    is wrong rather than that so many buyers went bad: then none of them goes.
    """
    chosen = tuple(effect for effect in ORDER if effect in effects)
    due = tuple(
        Planned(case.id, chosen)
        for case, facts, picture in sorted(seen, key=lambda one: one[0].id)
        if chosen and _may_act(case, facts, picture, first_run_at)
    )
    if sent + sum(len(one.effects) for one in due) > limit:
        return Plan(held=due)
    return Plan(go=due)


def _may_act(case: Case, facts: Facts, picture: Picture, first_run_at: datetime | None) -> bool:
    purchase = facts.purchase
    dispute = leading(purchase) if purchase else None
    if case.status != OPEN or dispute is None or picture.recommendation != "suspend":
        return False
    if case.decision is not None and chargeback_matter(dispute) in case.decision.about:
        return False  # somebody has decided about this chargeback: what else comes up changes nothing of that
    return all(check.passed for check in picture.checks) and stale(dispute, first_run_at) is None
