"""The facts this program works with, as plain values: what a provider or the shop said, nothing concluded yet."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a transaction did with money."""

    CHARGE = "charge"
    REFUND = "refund"
    CHARGEBACK = "chargeback"


class Status(StrEnum):
    """How far a transaction has come. Only a `paid` charge is money received.

    Of reversals: `initiated` (started, money not back yet), `completed`, `withdrawn` (did not happen after all).
    """

    PENDING = "pending"
    FAILED = "failed"
    PREPAID = "prepaid"
    TRIAL = "trial"
    PAID = "paid"
    INITIATED = "initiated"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


class OrderStatus(StrEnum):
    """The shop's own states of an order (contract section 3)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, `since ≤ t < until`, both aware and UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement of money as a provider reports it; `provider` and `ref` identify it for ever.

    `parent_ref` ties a reversal to its charge. `group_ref` is the provider's order that several charges may share
    (Tribute shop orders), else the ref itself. Amounts are what the buyer paid, in minor units of `currency`.
    `listed` is False for a look at one charge that knows less than the list's row: it never changes a listed one.
    A reversal with status `withdrawn` only ends one that was `initiated`.
    """

    provider: str
    ref: str
    kind: Kind
    status: Status
    amount_minor: int
    currency: str
    occurred_at: datetime
    occurred_text: str = ""
    occurred_exact: bool = True
    parent_ref: str | None = None
    group_ref: str | None = None
    shared: bool = False
    recurring: bool = False
    fee_minor: int | None = None
    product_id: str | None = None
    title: str | None = None
    buyer_email: str | None = None
    telegram_user_id: str | None = None
    account_id: str | None = None
    code_hash: str | None = None
    seller_started: bool = False
    reason: str | None = None
    listed: bool = True


@dataclass(frozen=True, slots=True)
class ChargeState:
    """What a single look at one charge adds to the list's row (`purchase/info`, a Tribute order).

    `found` is False when the provider says that it knows no such ref. `claimed` is whether the unique code was
    presented (None: there is no code). `echoes` are the shop's own ids as the provider gives them back.
    """

    provider: str
    ref: str
    read_at: datetime
    found: bool = True
    state: str | None = None
    claimed: bool | None = None
    echoes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """A sign of a coming dispute on one charge: `name` is `chat_by_administration`, `code_refuted` or `bad_review`.

    `active` is False once the provider shows the cause gone (a review taken back, a chat closed).
    """

    provider: str
    ref: str
    name: str
    active: bool
    occurred_at: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as received, less secrets. `source` names the call or table, `key` the record within it.

    `read_at` is set where facts made of the record are dated by the look at it: then each look counts, also one that
    shows the same. `how` is a letter of the provider's own for what the look did not show, where the facts depend on
    that.
    """

    provider: str
    source: str
    key: str
    body: Any
    read_at: datetime | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that could not be understood, with the reason; a later good version of the same key releases it."""

    provider: str
    source: str
    key: str
    reason: str
    body: Any


@dataclass(frozen=True, slots=True)
class Order:
    """A row of the shop's orders (contract section 3). Credits are in millionths of a credit."""

    order_id: str
    amount_minor: int
    currency: str
    status: str
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None = None
    provider: str | None = None
    provider_ref: str | None = None
    code_hash: str | None = None
    account_id: str | None = None
    buyer_email: str | None = None
    telegram_user_id: str | None = None
    product_id: str | None = None
    credits_ordered_micro: int | None = None
    credits_micro: int | None = None
    credits_used_micro: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A row of the shop's accounts; `balance_micro` is the unused credits in millionths."""

    account_id: str
    status: str
    updated_at: datetime
    email: str | None = None
    telegram_user_id: str | None = None
    balance_micro: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """The shop's own tie of one payment to an order, where an order may have several."""

    order_id: str
    provider: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class FailedLook:
    """A charge that was asked for by its ref and could not be read, while the provider answers otherwise."""

    provider: str
    ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one step of a pull brought: stored in one transaction, with the progress that it proves.

    `drained` is set on the page that completes a window: everything in it has now been read. `gap` says why a
    window stays incomplete although its rows are stored. `snapshot` is the time at which a reading of a whole table
    began: payments that none of its pages has are gone from the shop once it is drained. A page with payments has
    nothing else, and their raw records in the same order.
    """

    feed: str
    transactions: tuple[Transaction, ...] = ()
    states: tuple[ChargeState, ...] = ()
    signals: tuple[Signal, ...] = ()
    orders: tuple[Order, ...] = ()
    accounts: tuple[Account, ...] = ()
    payments: tuple[Payment, ...] = ()
    raws: tuple[RawRecord, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    failed: tuple[FailedLook, ...] = ()
    drained: Window | None = None
    gap: "Gap | None" = None
    snapshot: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A window of a feed that could not be read completely, and why."""

    window: Window
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which the provider and the shop differ."""

    field: str
    provider_value: str | None
    shop_value: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that matters (contract section 4). `subject` with `kind` makes the stable id."""

    kind: str
    subject: str
    severity: str
    provider: str | None
    transaction_ids: tuple[str, ...]
    explanation: str
    related_transaction_ids: tuple[str, ...] = ()
    order_id: str | None = None
    account_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    reason: str | None = None
    policy_clause: str | None = None
    recommendation: str = "manual"
    refundable_minor: int | None = None
    differences: tuple[Difference, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
