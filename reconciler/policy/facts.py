"""What the policy's clauses are asked about: a purchase, a request, a dispute, and the verdict that they give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model import Window


@dataclass(frozen=True, slots=True)
class Dispute:
    """One chargeback procedure about a charge. `state` is derived from all its stages, never from the last alone.

    `due_at` is when the answer is due, given by the provider when `due_given`. `origin` is `operator`, `import` or
    `provider`.
    """

    id: str
    amount_minor: int
    currency: str
    reason_code: str
    opened_at: datetime
    recorded_at: datetime
    origin: str = "operator"
    state: str = "open"
    stage: str = "opened"
    due_at: datetime | None = None
    due_given: bool = False
    round: int = 1

    @property
    def confirmed(self) -> bool:
        """Whether it is a chargeback at all: a signal is none yet, and a prevented one never became one."""
        return self.state not in {"signal", "prevented"}

    @property
    def standing(self) -> bool:
        """Whether the money is, or may be, lost by it."""
        return self.state in {"open", "lost"}


@dataclass(frozen=True, slots=True)
class Purchase:
    """One charge with everything on record about it. Money in minor units of its currency, credits in millionths.

    `accounts` are all accounts that fit, by the shop's own rows; `emails` the addresses of the purchase, folded;
    `held_by_us`: the account stands suspended or banned by a command of ours.
    `surplus`, `undelivered` and `mismatched` are open findings. `approved_minor` is what was agreed to give back,
    `returned_minor` what went back in so many `reversals`, less the `uncompared` among them, which are in money that
    cannot be compared with the charge's. `shop_refunded`: the shop marks the order refunded, its own approval of the
    whole; `seller_refunded`: the provider says that the seller started a refund. `settled` counts the buyer's
    undisputed purchases before the chargeback, since `settled_since`.
    """

    provider: str
    ref: str
    paid_minor: int | None = None
    currency: str | None = None
    occurred_at: datetime | None = None
    order_id: str | None = None
    delivered: bool = False
    delivered_at: datetime | None = None
    credits_micro: int | None = None
    credits_used_micro: int | None = None
    balance_micro: int | None = None
    accounts: tuple[str, ...] = ()
    account_status: str | None = None
    held_by_us: bool = False
    emails: tuple[str, ...] = ()
    surplus: bool = False
    undelivered: bool = False
    mismatched: bool = False
    approved_minor: int = 0
    returned_minor: int = 0
    reversals: int = 0
    uncompared: int = 0
    shop_refunded: bool = False
    seller_refunded: bool = False
    disputes: tuple[Dispute, ...] = ()
    asked_at: tuple[datetime, ...] = ()
    settled: int = 0
    settled_since: datetime | None = None

    @property
    def account_id(self) -> str | None:
        """The one account that owns the purchase, or None: none fits, or more than one does."""
        return self.accounts[0] if len(self.accounts) == 1 else None

    @property
    def explained(self) -> bool:
        """Whether money went back, and all of it was agreed to (policy 6).

        Providers tell of whole charges only: one reversal of the whole is explained by an approval of any part. What
        went back in other money is never explained by itself.
        """
        paid = self.paid_minor
        if self.uncompared:
            return False
        if not self.returned_minor or (self.shop_refunded and (paid is None or self.returned_minor <= paid)):
            return self.returned_minor > 0
        once = self.reversals == 1 and paid is not None and self.returned_minor >= paid
        return self.approved_minor > 0 and (once or self.approved_minor >= self.returned_minor)

    @property
    def unclear(self) -> bool:
        """Whether a refund was agreed to, and what went back cannot be compared: only a person can say if it fits."""
        return self.uncompared > 0 and (self.approved_minor > 0 or self.shop_refunded)

    @property
    def given_back_minor(self) -> int:
        """What went back, or is agreed to: an alert that prevented a chargeback paid it too, and tells no feed of it.

        An amount in another currency counts whole, so that nothing more goes before a person has looked.
        """
        prevented = sum(
            one.amount_minor if one.currency == self.currency else self.paid_minor or 0
            for one in self.disputes
            if one.state == "prevented"
        )
        returned = max(self.returned_minor, self.paid_minor or 0) if self.uncompared else self.returned_minor
        return max(self.approved_minor, returned, prevented)


@dataclass(frozen=True, slots=True)
class Request:
    """A buyer's own request for a refund review (policy 5), as the operator entered it."""

    received_at: datetime
    identifier: str = ""
    email: str = ""
    account_id: str = ""
    text: str = ""
    reason: str = "other"
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """What has to be judged as of `now`: a purchase (None: nothing known fits), and a request if there is one."""

    now: datetime
    purchase: Purchase | None = None
    request: Request | None = None
    outages: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clause says of a matter. `refundable_minor` None: no refund is spoken of, or it is unknown."""

    clause: str
    recommendation: str
    because: str
    refundable_minor: int | None = None
    ask_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One of the checks before an account is touched, with what it rests on."""

    name: str
    passed: bool
    says: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
