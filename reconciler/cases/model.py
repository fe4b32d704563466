"""The values that cases are made of: what is on record about one, what it comes to, and what happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from reconciler.model import Window
from reconciler.policy import Check, Purchase, Request

Action = Literal["refund", "decline", "deliver", "suspend", "forfeit", "ban", "reinstate", "dismiss"]
ACTIONS: tuple[Action, ...] = ("refund", "decline", "deliver", "suspend", "forfeit", "ban", "reinstate", "dismiss")
COMMANDED: tuple[Action, ...] = ("suspend", "forfeit", "ban", "reinstate")
"""Actions that the shop has to carry out: each is a command of its own."""

OPEN, SNOOZED, DECIDED, RESOLVED = "open", "snoozed", "decided", "resolved"
PROGRAM = "reconciler"
"""The actor of what the program does by itself."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a case, as far as deciding needs it. Money in minor units; `advice` is its case's last word.

    `dispute_id`: it says aloud what this chargeback on record says.
    """

    id: str
    kind: str
    severity: str
    status: str
    explanation: str
    recommendation: str
    clause: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    refundable_minor: int | None = None
    advice: Mapping[str, Any] | None = None
    dispute_id: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A buyer's request with its deadline; `due_known` is False past the calendar that is out."""

    id: str
    request: Request
    due_at: datetime | None = None
    warn_at: datetime | None = None
    due_known: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is on record about a case. The first of `purchases` leads; the others are further surplus charges.

    `acted`: the account stands suspended or banned by a command of ours. `explained`: money went back, and a decision
    on record explains it. `others_standing` counts chargebacks of the same account's other charges.
    """

    findings: tuple[Found, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    review: Review | None = None
    outages: tuple[Window, ...] = ()
    acted: bool = False
    explained: bool = False
    others_standing: int = 0
    provider: str | None = None
    order_id: str | None = None
    account_id: str | None = None

    @property
    def purchase(self) -> Purchase | None:
        """The charge that the case is about."""
        return self.purchases[0] if self.purchases else None


@dataclass(frozen=True, slots=True)
class Picture:
    """What a case comes to now: what it is about, what the policy says, by when, and what keeps it alive.

    `matters` names each thing that asks for a decision; `waits` is whether anything is still under way.
    """

    kind: str
    recommendation: str
    clause: str | None
    because: str
    refundable_minor: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    severity: str = "warning"
    due_at: datetime | None = None
    warn_at: datetime | None = None
    due_known: bool = True
    checks: tuple[Check, ...] = ()
    proposals: tuple[Action, ...] = ()
    ask_for: tuple[str, ...] = ()
    matters: tuple[str, ...] = ()
    waits: bool = False

    def due_state(self, now: datetime) -> str | None:
        """`waiting`, `due_soon` or `overdue`; None without a due date."""
        if self.due_at is None:
            return None
        soon = self.warn_at is not None and now >= self.warn_at
        return "overdue" if now > self.due_at else "due_soon" if soon else "waiting"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator, or the policy in mode `auto`, decided; `about` are the matters that it settles.

    `requested_by`: where two people had to, the first of them; `by` is the second. `account_id`: the one that a command
    of it is for.
    """

    action: Action
    by: str
    note: str
    at: datetime
    amount_minor: int | None = None
    mode: str = "manual"
    ref: str | None = None
    about: tuple[str, ...] = ()
    requested_by: str | None = None
    account_id: str | None = None

    @property
    def people(self) -> str:
        """Who decided: both, where two had to."""
        return f"{self.requested_by}, {self.by}" if self.requested_by else self.by


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that an operator has to decide. `version` grows with each change, so that no change is overlooked.

    `pending`: what one operator has decided and a second one has to confirm.
    """

    id: str
    root: str
    status: str = OPEN
    version: int = 0
    owner: str | None = None
    snoozed_until: datetime | None = None
    snoozed_minor: int | None = None
    decision: Decision | None = None
    pending: Decision | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a case's timeline: who did what when and why, with what it was before and after."""

    at: datetime
    actor: str
    event: str
    note: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
