"""Builds a made-up world: sales at the providers, the shop's own records of them, and what has to be found."""

import random
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from providers.simulators.scenario.catalogue import FIRST_NAMES, LAST_NAMES, MAIL_HOSTS, PACKS, PURSES
from providers.simulators.scenario.values import (
    DIGISELLER,
    TRIBUTE,
    Account,
    Approval,
    Buyer,
    Chargeback,
    Event,
    Expected,
    Order,
    Pack,
    Paid,
    Payment,
    Purchase,
    Sale,
    Scenario,
)

How = Literal["reference", "payments", "code", "echo", "nothing"]
"""How the shop's order says which payment it is for; `nothing` leaves it to buyer, money and time."""

_FIRST_INVOICE = 190_000_000
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_SECONDS_PER_INVOICE = 20


class World:
    """A world in the making. All times are whole seconds, all chance comes from the seed."""

    def __init__(self, now: datetime, since: datetime, seed: int) -> None:
        """An empty world as of `now`, a whole second, whose providers' lists begin at `since`."""
        self.now, self.since, self.seed = now, since, seed
        self.rng = random.Random(seed)
        self.buyers: list[Buyer] = []
        self.sales: dict[int, Sale] = {}
        self.purchases: list[Purchase] = []
        self.orders: list[Order] = []
        self.payments: list[Payment] = []
        self.approvals: list[Approval] = []
        self.chargebacks: list[Chargeback] = []
        self.events: list[Event] = []
        self.expected: list[Expected] = []
        self.lookalikes: list[str] = []
        self._transactions = 2**32

    def ago(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> datetime:
        """A time before `now`, in whole seconds."""
        back = timedelta(days=days, hours=hours, minutes=minutes)
        return self.now - timedelta(seconds=int(back.total_seconds()))

    def recently(self) -> datetime:
        """Some time between two and six days ago: past every deadline, and inside every feed."""
        return self.ago(days=self.rng.uniform(2, 6))

    def later(self, at: datetime, low_s: int, high_s: int) -> datetime:
        """A time some seconds after `at`."""
        return at + timedelta(seconds=self.rng.randint(low_s, high_s))

    def buyer(self, *, telegram: bool = False, account_email: str | None = None, status: str = "active") -> Buyer:
        """A new customer with an account and an e-mail of their own."""
        number = 1001 + len(self.buyers)
        first, last = self.rng.choice(FIRST_NAMES), self.rng.choice(LAST_NAMES)
        email = f"{first}.{last}{number}@{self.rng.choice(MAIL_HOSTS)}".lower()
        telegram_id = 5_000_000_000 + self.rng.randrange(10**9) if telegram else None
        buyer = Buyer(f"acc-{number}", email, telegram_id, account_email or email, status)
        self.buyers.append(buyer)
        return buyer

    def pack(self) -> Pack:
        """Something from the shop's list, the small packs more often."""
        return self.rng.choices(PACKS, weights=(5, 4, 2, 1))[0]

    def sale(self, buyer: Buyer, at: datetime, *, currency: str = "WMR", pack: Pack | None = None, **said: Any) -> Sale:
        """A sale at DigiSeller, paid at `at`; `said` are further fields of `Sale`."""
        pack = pack or self.pack()
        fields = {"amount_minor": pack.prices[PURSES[currency]], "code": self._code(), **said}
        sale = Sale(self._invoice(at), pack, at, buyer.email, currency=currency, **fields)
        self.sales[sale.invoice] = sale
        return sale

    def purchase(
        self, buyer: Buyer, at: datetime, *, currency: str = "RUB", pack: Pack | None = None, **said: Any
    ) -> Purchase:
        """A shop order at Tribute, paid once at `at` unless its status says otherwise; `said`: fields of `Purchase`."""
        pack = pack or self.pack()
        fields = {"email": buyer.email, "customer_id": buyer.account_id, **said}
        created_at = self.later(at, -240, -30)
        found = Purchase(self._uuid(), pack, created_at, pack.prices[currency], currency, **fields)
        self.purchases.append(found)
        if found.status == "paid" and not found.trial:
            self.pay(found, at)
        return found

    def pay(self, purchase: Purchase, at: datetime) -> str:
        """One payment of a Tribute order; returns the charge's id."""
        self._transactions += 1
        purchase.payments.append(Paid(self._transactions, at))
        return purchase.ref_of(len(purchase.payments) - 1)

    def order(self, paid: Sale | Purchase, buyer: Buyer, how: How = "reference", **said: Any) -> Order:
        """The shop's order for a payment, delivered within minutes; `said` overrides fields of `Order`."""
        at = paid.paid_at if isinstance(paid, Sale) else paid.payments[-1].at if paid.payments else paid.created_at
        order = self._order(paid, buyer, said.pop("created_at", None) or self.later(at, 5, 120))
        if how == "reference":
            order.provider_ref = paid.ref
        if how == "code" and isinstance(paid, Sale):
            order.unique_code = paid.code
        self._deliver(order, paid.pack, said)
        self.orders.append(order)
        if how == "payments":
            self.tie(order, paid.ref, order.provider or "")
        if how == "echo":
            self.echo(order, paid)
        return order

    def echo(self, order: Order, paid: Sale | Purchase) -> None:
        """Let the provider give the order's id back with the payment."""
        if isinstance(paid, Sale):
            paid.through = f"order={order.order_id}"
        else:
            paid.comment = order.order_id

    def tie(self, order: Order, ref: str, provider: str) -> None:
        """A row of the shop's payments."""
        self.payments.append(Payment(order.order_id, provider, ref))

    def refund(self, paid: Sale | Purchase, at: datetime, place: int = -1) -> None:
        """Money goes back for a sale, or for one payment of a Tribute order (the last)."""
        if isinstance(paid, Sale):
            paid.state, paid.refunded_at = 5, at
        else:
            paid.payments[place].refunded_at = at

    def approve(self, paid: Sale | Purchase, at: datetime) -> None:
        """An operator has agreed to refund the whole charge."""
        provider = DIGISELLER if isinstance(paid, Sale) else TRIBUTE
        note = "agreed with the buyer in Telegram"
        self.approvals.append(Approval(provider, paid.ref, paid.amount_minor, paid.currency, at, "Anna", note))

    def charge_back(self, paid: Sale | Purchase, at: datetime, reason_code: str) -> None:
        """The bank has opened a chargeback over the whole charge, and the operator was told."""
        provider = DIGISELLER if isinstance(paid, Sale) else TRIBUTE
        told = Chargeback(provider, paid.ref, paid.amount_minor, paid.currency, reason_code, at)
        self.chargebacks.append(told)

    def expect(
        self,
        kind: str,
        about: str,
        *refs: str,
        provider: str | None = DIGISELLER,
        order: Order | None = None,
        reason: str | None = None,
    ) -> None:
        """Note a finding that must come out; `refs` are its transaction ids."""
        order_id = order.order_id if order else None
        self.expected.append(Expected(kind, provider, tuple(sorted(refs)), order_id, about, reason))

    def silent(self, about: str) -> None:
        """Note something that looks like a fault and is none."""
        self.lookalikes.append(about)

    def finished(self) -> Scenario:
        """The world as values; the accounts' balances are what their orders leave."""
        return Scenario(
            now=self.now,
            since=self.since,
            seed=self.seed,
            sales=tuple(self.sales[number] for number in sorted(self.sales)),
            purchases=tuple(self.purchases),
            orders=tuple(self.orders),
            accounts=tuple(self._accounts()),
            payments=tuple(self.payments),
            approvals=tuple(self.approvals),
            chargebacks=tuple(self.chargebacks),
            events=tuple(self.events),
            expected=tuple(self.expected),
            lookalikes=tuple(self.lookalikes),
        )

    def _order(self, paid: Sale | Purchase, buyer: Buyer, created_at: datetime) -> Order:
        sold_by_digiseller = isinstance(paid, Sale)
        return Order(
            order_id=f"ORD-{100_001 + len(self.orders)}",
            amount_minor=paid.amount_minor,
            currency=PURSES[paid.currency] if sold_by_digiseller else paid.currency,
            status="delivered",
            created_at=created_at,
            updated_at=created_at,
            provider=DIGISELLER if sold_by_digiseller else TRIBUTE,
            account_id=buyer.account_id,
            buyer_email=buyer.email,
            telegram_user_id=buyer.telegram_user_id,
            product_id=str(paid.pack.product_id) if sold_by_digiseller else None,
            credits_ordered=paid.pack.credits,
        )

    def _deliver(self, order: Order, pack: Pack, said: dict[str, Any]) -> None:
        """Fill in the delivery, unless `said` states another status, and what was used of it since."""
        if said.get("status", "delivered") == "delivered":
            order.delivered_at = self.later(order.created_at, 10, 400)
            order.credits = pack.credits
            order.credits_used = round(pack.credits * self.rng.choice((0, 0, 0.1, 0.25, 0.5, 0.8, 1)))
        for name, value in said.items():
            setattr(order, name, value)
        last = max(order.updated_at, order.delivered_at or order.created_at)
        order.updated_at = min(self.later(last, 0, 7_200) if order.credits_used else last, self.ago(minutes=1))

    def _accounts(self) -> Iterable[Account]:
        balances: defaultdict[str | None, int] = defaultdict(int)
        changed = {buyer.account_id: self.since for buyer in self.buyers}
        for order in self.orders:
            if order.account_id is None:
                continue
            if not order.credits_taken_back:
                balances[order.account_id] += (order.credits or 0) - (order.credits_used or 0)
            changed[order.account_id] = max(order.updated_at, changed[order.account_id])
        for buyer in self.buyers:
            number, email = buyer.account_id, buyer.account_email
            yield Account(number, email, buyer.telegram_user_id, buyer.status, balances[number], changed[number])

    def _invoice(self, at: datetime) -> int:
        number = _FIRST_INVOICE + int((at - _EPOCH).total_seconds()) // _SECONDS_PER_INVOICE
        while number in self.sales:
            number += 1
        return number

    def _code(self) -> str:
        return f"{self.rng.getrandbits(64):016X}"

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
