"""Shop orders and their transactions as values, and what they say about money; pure, no I/O and no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from providers.tribute import fields
from reconciler.errors import BadRecord
from reconciler.model import Status
from reconciler.money import Money, to_decimal
from reconciler.text import fold_email, storable

SALE = "shop_order_sell"
STARS = "XTR"
"""ISO-like code of Telegram Stars, which are whole."""

_STATUSES = {
    "pending": Status.PENDING,
    "failed": Status.FAILED,
    "prepaid": Status.PREPAID,
    "paid": Status.PAID,
}


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """A shop order (fact sheet A5.4). `money` is its price; `prices` are all amounts that one payment of it may have.

    `last_paid_at` is when money last came in, where Tribute says so. `trial` orders begin without money.
    """

    uuid: str
    state: str
    money: Money
    prices: tuple[Money, ...]
    created_at: datetime
    created_text: str
    last_paid_at: datetime | None
    last_paid_text: str
    recurring: bool
    trial: bool
    title: str | None
    buyer_email: str | None
    telegram_user_id: str | None
    echoes: tuple[str, ...]
    body: dict[str, Any]

    @property
    def status(self) -> Status:
        """How far its first charge has come: the order's state, or paid where a payment is on record.

        A prepaid order is never paid: its money is not final (fact sheet A5.4).
        """
        status = _STATUSES.get(self.state, Status.UNKNOWN)
        return Status.PAID if self.last_paid_at and status is not Status.PREPAID else status

    @property
    def may_have_transactions(self) -> bool:
        """Whether its transactions are worth a call: it is paid, or in a state that nobody has documented."""
        return self.status in (Status.PAID, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction of a shop order (fact sheet A5.5). `amount` and `fee` are as written: their unit is not sure."""

    id: str
    type: str
    at: datetime
    at_text: str
    amount: Decimal
    fee: Decimal | None
    currency: str
    refunded: bool | None
    recurring: bool | None
    body: dict[str, Any]


def shop_order(record: Any) -> ShopOrder:
    """A shop order as `/shop/orders` or `/shop/orders/{uuid}` gives it; raises BadRecord."""
    values = fields.record_of(record)
    allowed = prices(values)
    echoes = (fields.text_of(values, "customerId"), storable(fields.text_of(values, "comment")))
    return ShopOrder(
        uuid=fields.order_uuid(values.get("uuid")),
        state=_state(values),
        money=allowed[0],
        prices=allowed,
        created_at=fields.moment(values.get("createdAt")),
        created_text=str(values["createdAt"]),
        last_paid_at=fields.moment_of(values, "lastPaidTransactionAt"),
        last_paid_text=str(values.get("lastPaidTransactionAt") or ""),
        recurring=is_recurring(values),
        trial=bool(fields.flag(values, "isTrial") or fields.text_of(values, "trialPeriod")),
        title=fields.text_of(values, "title"),
        buyer_email=fold_email(fields.text_of(values, "email")),
        telegram_user_id=fields.id_of(values, "telegramUserId", "telegramID", "telegram_user_id"),
        echoes=tuple(dict.fromkeys(echo for echo in echoes if echo)),
        body=values,
    )


def transaction(record: Any) -> Row:
    """A row of an order's transactions; raises BadRecord."""
    values = fields.record_of(record)
    fee = values.get("serviceFee")
    return Row(
        id=fields.number_id(values.get("id")),
        type=fields.text_of(values, "type") or "",
        at=fields.moment(values.get("createdAt")),
        at_text=str(values["createdAt"]),
        amount=to_decimal(values.get("amount")),
        fee=None if fee is None else to_decimal(fee),
        currency=fields.currency(values.get("currency")),
        refunded=fields.flag(values, "isRefunded"),
        recurring=fields.flag(values, "isRecurring"),
        body=values,
    )


def is_recurring(values: Mapping[str, Any]) -> bool:
    """Whether an order is charged again by itself: by `isRecurrent` if it is given, else by `period` (A10.8)."""
    said = fields.flag(values, "isRecurrent")
    if said is None:
        said = fields.flag(values, "isRecurring")
    return said if said is not None else (fields.text_of(values, "period") or "onetime") != "onetime"


def _state(values: Mapping[str, Any]) -> str:
    state = fields.text_of(values, "status")
    if state is None:
        raise BadRecord("the order has no status")
    return state


def prices(values: Mapping[str, Any]) -> tuple[Money, ...]:
    """The order's price first; an order for Stars alone has its price in Stars (fact sheet A2.2, A5.3)."""
    price, first = _price(values, "amount"), _price(values, "firstPeriodAmount")
    stars = _price(values, "starsAmount", STARS)
    if price is None and stars is None:
        raise BadRecord("the order has no amount")
    wanted = (price, first, stars) if price else (stars,)
    return tuple(dict.fromkeys(price for price in wanted if price))


def _price(values: Mapping[str, Any], name: str, currency: str | None = None) -> Money | None:
    value = values.get(name)
    amount = 0 if value is None or value == "" else fields.minor(value, name)
    return Money(amount, currency or fields.currency(values.get("currency"))) if amount else None
