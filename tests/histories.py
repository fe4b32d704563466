"""Random histories of a small shop: facts that come, change and go back while time moves on, with every tie and gap."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.model import (
    Account,
    ChargeState,
    Gap,
    Kind,
    Order,
    Payment,
    RawRecord,
    Signal,
    Status,
    Transaction,
    Window,
)
from reconciler.money import Money
from reconciler.policy.disputes import STAGES
from reconciler.store.disputes import NewDispute
from tests.builders import CREDIT, NOW, UUID, Approval, Quarantined, account, charge, order, refund, tribute_charge

BUYERS = ("a@x.example", "b@x.example", None)
PHONES = ("7", "8", None, None)
ACCOUNTS = ("acc", "acd", None, None)
CODES = ("c1" * 32, "c2" * 32, None, None)
REFS = ("1001", "1002", "1003", "10010", "1001 ", UUID.format(1), UUID.format(1) + ":5", UUID.format(2), None, None)
STEPS_OF_TIME = (0, 0, 2, 12, 29, 61, 600, 1500, 6000, 12000)
"""Minutes between two runs: within and beyond every window and age that the rules know."""


@dataclass(frozen=True)
class Pushed:
    """What became of an event that a provider pushed."""

    key: str
    state: str
    at: datetime


@dataclass(frozen=True)
class Silence:
    """A gap between webhooks and the pull, there or closed again."""

    reason: str
    subject: str
    since: datetime
    there: bool


@dataclass(frozen=True)
class Dismissed:
    """An operator settles one of the open findings, counted from the first."""

    place: int


@dataclass(frozen=True)
class Step:
    """What happened before a run: facts as they came, payments that went, and whether the feeds were read.

    `enabled` are the providers of the configuration, `grace` its grace period in minutes.
    """

    now: datetime
    facts: tuple[Any, ...]
    gone: tuple[Payment, ...]
    read: bool
    enabled: tuple[str, ...] = ("digiseller", "tribute")
    grace: int = 30


class History:
    """A shop whose past is made up as it goes, from one seed."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.now = NOW
        self.charges: dict[tuple[str, str], Transaction] = {}
        self.orders: dict[str, Order] = {}
        self.accounts: dict[str, Account] = {}
        self.payments: list[Payment] = []
        self.approvals = 0

    def steps(self, count: int) -> Iterator[Step]:
        """A first step with much in it, then small ones."""
        for number in range(count):
            self.now += timedelta(minutes=self.pick.choice(STEPS_OF_TIME) if number else 0)
            many = 30 if not number else self.pick.choice((0, 1, 1, 2, 5))
            facts = [self._fact() for _ in range(many)]
            gone = [self.payments.pop()] if self.payments and self.pick.random() < 0.1 else []
            read = not number or self.pick.random() < 0.7
            yield Step(self.now, tuple(facts), tuple(gone), read, *self._settings())

    def _settings(self) -> tuple[tuple[str, ...], int]:
        """Now and then a provider is off for a run, or the policy is another."""
        enabled = ("digiseller",) if self.pick.random() < 0.05 else ("digiseller", "tribute")
        return enabled, 10 if self.pick.random() < 0.05 else 30

    def _fact(self) -> Any:
        makers = (
            (self._charge, 6),
            (self._order, 7),
            (self._edited_charge, 3),
            (self._edited_order, 6),
            (self._account, 3),
            (self._reversal, 3),
            (self._approval, 2),
            (self._state, 5),
            (self._signal, 2),
            (self._payment, 2),
            (self._record, 3),
            (self._released, 2),
            (self._dispute, 3),
            (self._pushed, 1),
            (self._silence, 1),
            (self._gap, 1),
            (self._dismissed, 1),
        )
        return self.pick.choices([make for make, _ in makers], [weight for _, weight in makers])[0]()

    def _charge(self) -> Transaction:
        pick = self.pick
        if pick.random() < 0.3:
            ref = UUID.format(pick.randint(1, 3)) + pick.choice(("", ":5", ":6"))
            made = tribute_charge(ref, recurring=pick.random() < 0.3, telegram_user_id=pick.choice(PHONES))
        else:
            made = charge(pick.choice(("1001", "1002", "1003", "1004", "10010", "1005", "1006")))
        return self._keep_charge(self._changed(made))

    def _changed(self, made: Transaction) -> Transaction:
        pick = self.pick
        return replace(
            made,
            occurred_at=self._moment(),
            buyer_email=pick.choice(BUYERS),
            telegram_user_id=pick.choice(PHONES),
            account_id=pick.choice((*ACCOUNTS, None, None)),
            amount_minor=pick.choice((1000, 1000, 1000, 600, 400)),
            currency=pick.choice(("WMZ", "WMZ", "WMT", "USD", "WMX")),
            product_id=pick.choice(("77", "77", "78", None)),
            code_hash=pick.choice(CODES),
            status=pick.choice((Status.PAID,) * 6 + (Status.PENDING, Status.FAILED)),
        )

    def _edited_charge(self) -> Any:
        if not self.charges:
            return self._charge()
        key = self.pick.choice(sorted(self.charges))
        return self._keep_charge(self._mixed(self.charges[key], self._changed(self.charges[key])))

    def _keep_charge(self, made: Transaction) -> Transaction:
        self.charges[made.provider, made.ref] = made
        return made

    def _order(self) -> Order:
        return self._keep_order(self._remade(order(f"O{self.pick.randint(0, 9)}")))

    def _remade(self, made: Order) -> Order:
        pick = self.pick
        status = pick.choice(("delivered", "delivered", "delivered", "pending", "refunded", "cancelled"))
        delivered = status == "delivered" or (status == "refunded" and pick.random() < 0.6)
        return replace(
            made,
            provider=pick.choice(("digiseller", "digiseller", "tribute", None)),
            provider_ref=pick.choice(REFS),
            code_hash=pick.choice(CODES),
            account_id=pick.choice(ACCOUNTS),
            buyer_email=pick.choice(BUYERS),
            telegram_user_id=pick.choice(PHONES),
            amount_minor=pick.choice((1000, 1000, 1000, 600)),
            currency=pick.choice(("USD", "USD", "EUR")),
            product_id=pick.choice(("77", None)),
            status=status,
            created_at=self._moment(),
            delivered_at=self.now if delivered else None,
            credits_ordered_micro=100 * CREDIT,
            credits_micro=pick.choice((100 * CREDIT, 50 * CREDIT, None)) if delivered else None,
            credits_used_micro=pick.choice((0, 30 * CREDIT, None)),
            updated_at=self.now,
        )

    def _edited_order(self) -> Order:
        if not self.orders:
            return self._order()
        one = self.orders[self.pick.choice(sorted(self.orders))]
        return self._keep_order(self._mixed(one, self._remade(one)))

    def _keep_order(self, made: Order) -> Order:
        made = replace(made, updated_at=self.now)
        self.orders[made.order_id] = made
        return made

    def _mixed(self, before: Any, after: Any) -> Any:
        """One or two fields of a row change."""
        names = self.pick.sample(
            [name for name in before.__dataclass_fields__ if getattr(before, name) != getattr(after, name)] or ["ref"],
            1,
        )
        return replace(before, **{name: getattr(after, name) for name in names if hasattr(after, name)})

    def _account(self) -> Account:
        pick = self.pick
        return account(
            pick.choice(("acc", "acd")),
            status=pick.choice(("active", "active", "suspended")),
            email=pick.choice(BUYERS),
            telegram_user_id=pick.choice(PHONES),
            balance_micro=pick.choice((0, 40 * CREDIT, 100 * CREDIT, None)),
            updated_at=self.now,
        )

    def _reversal(self) -> Transaction:
        pick = self.pick
        return refund(
            self._ref(),
            kind=pick.choice((Kind.REFUND, Kind.REFUND, Kind.CHARGEBACK)),
            status=pick.choice((Status.COMPLETED, Status.COMPLETED, Status.INITIATED, Status.WITHDRAWN)),
            occurred_at=self._moment(),
            occurred_exact=pick.random() < 0.7,
            amount_minor=pick.choice((1000, 400, 1200)),
            seller_started=pick.random() < 0.3,
            parent_ref=None if pick.random() < 0.1 else self._ref(),
        )

    def _approval(self) -> Approval:
        when = self.now - timedelta(days=self.pick.choice((0, 1, 6.9, 8)))
        self.approvals += 1
        return Approval(self._ref(), self.pick.choice((1000, 300)) + self.approvals, when)

    def _state(self) -> ChargeState:
        pick, shared = self.pick, self.pick.random() < 0.3
        provider, ref = ("tribute", UUID.format(pick.randint(1, 3))) if shared else ("digiseller", self._ref())
        echoes = tuple({pick.choice(("O1", "O2", "O3", "acc", "acd", "zzz"))}) if pick.random() < 0.4 else ()
        return ChargeState(provider, ref, self.now, pick.random() < 0.8, "3", pick.choice((True, False, None)), echoes)

    def _signal(self) -> Signal:
        name = self.pick.choice(("bad_review", "chat_by_administration", "code_refuted"))
        return Signal(
            "digiseller", self._ref(), name, self.pick.random() < 0.7, self.now, self.pick.choice(("", "late"))
        )

    def _payment(self) -> Payment:
        made = Payment(f"O{self.pick.randint(0, 9)}", "digiseller", self._ref())
        self.payments.append(made)
        return made

    def _record(self) -> Quarantined:
        """A record of an order, of a charge, or of a part of one."""
        key = self._record_key()
        return Quarantined(*key, self.pick.choice(("no amount", "no time")), {"key": key[2]})

    def _released(self) -> RawRecord:
        return RawRecord(*self._record_key(), {"now": "understood"})

    def _record_key(self) -> tuple[str, str, str]:
        ours, part = self.pick.random() < 0.3, self.pick.choice(("", "", ":refund", ":5"))
        if ours:
            return "shop", "shop.orders", self.pick.choice(("A1", "O1"))
        if self.pick.random() < 0.3:
            return "tribute", "tribute.sales", UUID.format(self.pick.randint(1, 2)) + part
        return "digiseller", "digiseller.sales", self._ref() + part

    def _dispute(self) -> NewDispute:
        """One of few chargebacks, so that the same one is told of again, with another stage or amount."""
        pick = self.pick
        shared = pick.random() < 0.3
        key = ("tribute", UUID.format(pick.randint(1, 2))) if shared else ("digiseller", self._ref())
        money = Money(pick.choice((1000, 400)), pick.choice(("WMZ", "USD")))
        reason, opened = pick.choice(("10.4", "13.1")), NOW - timedelta(days=pick.choice((1, 2)))
        return NewDispute(*key, money, reason, opened, pick.choice(STAGES))

    def _pushed(self) -> Pushed:
        return Pushed(self.pick.choice("abc"), self.pick.choice(("conflict", "done", "waiting")), self.now)

    def _silence(self) -> Silence:
        reason, subject = self.pick.choice((("no_webhook", "1001"), ("no_webhook", "1002"), ("silent", "tribute")))
        return Silence(reason, subject, NOW - timedelta(hours=5), self.pick.random() < 0.6)

    def _gap(self) -> Gap:
        since = self.now - timedelta(minutes=self.pick.choice((30, 300)))
        return Gap(Window(since, since + timedelta(minutes=20)), "a page failed")

    def _dismissed(self) -> Dismissed:
        return Dismissed(self.pick.randint(0, 9))

    def _ref(self) -> str:
        return self.pick.choice(("1001", "1002", "1003", "1004", "10010", "1005", "1009"))

    def _moment(self) -> datetime:
        """Equal times, times within and just beyond windows, and old ones."""
        minutes = self.pick.choice((0, 1, 10, 15, 15.5, 30, 45, 60, 60.5, 75, 100, 100, 101, 160, 1440, 21600))
        return self.now - timedelta(minutes=minutes)
