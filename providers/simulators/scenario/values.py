"""What a made-up world consists of: what each provider and the shop have on record, and what has to be found in it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

DIGISELLER, TRIBUTE = "digiseller", "tribute"


@dataclass(frozen=True, slots=True)
class Pack:
    """Something the shop sells: prepaid credits. `product_id` is DigiSeller's, prices are minor units by currency."""

    title: str
    product_id: int
    credits: int
    prices: dict[str, int]


@dataclass(slots=True)
class Buyer:
    """A customer with an account in the shop; `email` is what the buyer types in when paying."""

    account_id: str
    email: str
    telegram_user_id: int | None
    account_email: str
    status: str = "active"


@dataclass(frozen=True, slots=True)
class Review:
    """A buyer's review of a sale."""

    positive: bool
    text: str
    deleted: bool = False


@dataclass(slots=True)
class Sale:
    """One DigiSeller invoice. `code` is the delivered content, `code_state` and `state` are DigiSeller's own numbers.

    `refunded_minor` is what went back, where it is not the whole amount. `through` are the extra parameters given to
    the payment page. `written_date` is what the record says instead of `paid_at`, where its date is broken.
    """

    invoice: int
    pack: Pack
    paid_at: datetime
    email: str
    amount_minor: int
    currency: str
    code: str
    code_state: int = 2
    state: int = 3
    refunded_at: datetime | None = None
    refunded_minor: int | None = None
    through: str = ""
    review: Review | None = None
    chat_state: int = 0
    chat_at: datetime | None = None
    written_date: str | None = None

    @property
    def ref(self) -> str:
        """The charge's id in the program's words."""
        return str(self.invoice)


@dataclass(slots=True)
class Paid:
    """One payment of a Tribute order; `refunded_at` is when its money went back."""

    id: int
    at: datetime
    refunded_at: datetime | None = None


@dataclass(slots=True)
class Purchase:
    """One Tribute shop order with its payments, oldest first. Amounts in minor units, `currency` upper-case."""

    uuid: str
    pack: Pack
    created_at: datetime
    amount_minor: int
    currency: str
    status: str = "paid"
    email: str | None = None
    customer_id: str | None = None
    comment: str | None = None
    period: str = "onetime"
    trial: bool = False
    payments: list[Paid] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """The first charge's id in the program's words; see `ref_of` for the others."""
        return self.uuid

    def ref_of(self, place: int) -> str:
        """The id of the charge at `place` (0 is the first, which has the order's own)."""
        return self.uuid if place == 0 else f"{self.uuid}:{self.payments[place].id}"


@dataclass(slots=True)
class Order:
    """A row of the shop's orders (contract section 3) in whole minor units and whole credits.

    `credits_taken_back` says that the account's balance does not hold what is left of them.
    """

    order_id: str
    amount_minor: int
    currency: str
    status: str
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None = None
    provider: str | None = None
    provider_ref: str | None = None
    unique_code: str | None = None
    account_id: str | None = None
    buyer_email: str | None = None
    telegram_user_id: int | None = None
    product_id: str | None = None
    credits_ordered: int | None = None
    credits: int | None = None
    credits_used: int | None = None
    credits_taken_back: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A row of the shop's accounts; `balance` is the unused credits."""

    account_id: str
    email: str
    telegram_user_id: int | None
    status: str
    balance: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    """A row of the shop's payments."""

    order_id: str
    provider: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A refund that an operator has approved and recorded with the program."""

    provider: str
    ref: str
    amount_minor: int
    currency: str
    recorded_at: datetime
    decided_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Chargeback:
    """A chargeback that the provider wrote to the operator about, and that the operator records with the program."""

    provider: str
    ref: str
    amount_minor: int
    currency: str
    reason_code: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook of Tribute: what is told by no other way."""

    name: str
    at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that must come out, and `about`, the story behind it.

    `reason` is None where the contract fixes none. `transaction_ids` are sorted.
    """

    kind: str
    provider: str | None
    transaction_ids: tuple[str, ...]
    order_id: str | None
    about: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole made-up world as of `now`; the providers' lists have to be read from `since` on."""

    now: datetime
    since: datetime
    seed: int
    sales: tuple[Sale, ...]
    purchases: tuple[Purchase, ...]
    orders: tuple[Order, ...]
    accounts: tuple[Account, ...]
    payments: tuple[Payment, ...]
    approvals: tuple[Approval, ...]
    chargebacks: tuple[Chargeback, ...]
    events: tuple[Event, ...]
    expected: tuple[Expected, ...]
    lookalikes: tuple[str, ...]
