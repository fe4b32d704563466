"""Builders of facts for tests: each names only what matters, everything else is ordinary."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from jobs.reconcile import MAIN_FEEDS, SHOP_FEEDS, SWEEPS, Judged, reconcile
from reconciler.model import (
    Account,
    ChargeState,
    Gap,
    Kind,
    Order,
    Page,
    Payment,
    Quarantined,
    RawRecord,
    Signal,
    Status,
    Transaction,
    Window,
)
from reconciler.schema import refund_approvals
from reconciler.settings import Settings
from reconciler.store.engine import write
from reconciler.store.facts import begin_feed, end_feed, save_page

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BUYER = "buyer@example.com"
UUID = "550e8400-e29b-41d4-a716-4466554400{:02d}"
CREDIT = 1_000_000


def ago(**span: float) -> datetime:
    """A time before the tests' now."""
    return NOW - timedelta(**span)


def charge(ref: str = "1001", **changes: Any) -> Transaction:
    """A paid DigiSeller sale of 10.00 WMZ, five hours old."""
    base = Transaction(
        provider="digiseller",
        ref=ref,
        kind=Kind.CHARGE,
        status=Status.PAID,
        amount_minor=1000,
        currency="WMZ",
        occurred_at=ago(hours=5),
        product_id="77",
        buyer_email=BUYER,
    )
    return replace(base, **changes)


def tribute_charge(ref: str = UUID.format(1), **changes: Any) -> Transaction:
    """A paid Tribute shop order of 10.00 USD, five hours old."""
    group = changes.pop("group_ref", ref.partition(":")[0])
    base = {"provider": "tribute", "currency": "USD", "product_id": None, "title": "Credits", "shared": True}
    return charge(ref, **(base | {"group_ref": group} | changes))


def refund(of: str = "1001", **changes: Any) -> Transaction:
    """A completed refund of a charge, seen two hours ago."""
    base = {"kind": Kind.REFUND, "status": Status.COMPLETED, "parent_ref": of, "occurred_at": ago(hours=2)}
    return charge(changes.pop("ref", f"{of}:refund"), **(base | changes))


def order(order_id: str = "A1", ref: str | None = "1001", **changes: Any) -> Order:
    """An order of 10.00 USD by the same buyer, delivered within a minute of the sale."""
    base = Order(
        order_id=order_id,
        provider="digiseller",
        provider_ref=ref,
        amount_minor=1000,
        currency="USD",
        status="delivered",
        created_at=ago(hours=5),
        delivered_at=ago(hours=4.9),
        updated_at=ago(hours=4.9),
        buyer_email=BUYER,
        product_id="77",
    )
    return replace(base, **changes)


def pending(order_id: str = "A1", ref: str | None = "1001", **changes: Any) -> Order:
    """An order that was not delivered."""
    return order(order_id, ref, **({"status": "pending", "delivered_at": None} | changes))


def tribute_order(order_id: str = "T1", ref: str | None = UUID.format(1), **changes: Any) -> Order:
    """The shop's side of a Tribute order."""
    return order(order_id, ref, **({"provider": "tribute", "product_id": None} | changes))


def account(account_id: str = "acc", **changes: Any) -> Account:
    """An active account with a hundred unused credits."""
    base = Account(account_id, "active", ago(hours=1), email=BUYER, balance_micro=100 * CREDIT)
    return replace(base, **changes)


def looked_up(ref: str = "1001", **changes: Any) -> ChargeState:
    """The provider's answer about one invoice: paid, and its code was presented."""
    return replace(ChargeState("digiseller", ref, NOW, True, "3", claimed=True), **changes)


def tribute_look(ref: str = UUID.format(1), **changes: Any) -> ChargeState:
    """Tribute's answer about one shop order: it was read just now."""
    return replace(ChargeState("tribute", ref, NOW, True, "paid"), **changes)


def unclaimed(ref: str = "1001") -> ChargeState:
    """The provider's answer about one invoice whose code nobody presented."""
    return looked_up(ref, claimed=False)


def denied(ref: str = "1001", provider: str = "digiseller") -> ChargeState:
    """The provider's answer that it knows no such charge."""
    return ChargeState(provider, ref, NOW, found=False)


@dataclass(frozen=True)
class Approval:
    """A recorded refund decision."""

    ref: str = "1001"
    amount_minor: int = 1000
    recorded_at: datetime = field(default_factory=lambda: ago(hours=3))
    provider: str = "digiseller"
    currency: str = "WMZ"


_FIELDS = {
    Transaction: "transactions",
    ChargeState: "states",
    Signal: "signals",
    Order: "orders",
    Account: "accounts",
    Payment: "payments",
    Quarantined: "quarantined",
    RawRecord: "raws",
}


def settings(**sections: Any) -> Settings:
    """Settings with both providers on; sections as in the configuration file."""
    both = {
        "digiseller": {"seller_id": 1, "api_key": "k"},
        "tribute": {"api_key": "k"},
    }
    return Settings.model_validate({"providers": both, "shop": {"directory": "unused"}} | sections)


@dataclass
class World:
    """A store with facts in it, judged as of the tests' now."""

    engine: sa.Engine
    settings: Settings = field(default_factory=settings)
    now: datetime = NOW

    def add(self, *facts: Any) -> "World":
        """Store facts as a pull would."""
        with write(self.engine) as connection:
            save_page(connection, page_of(facts), self.now)
            for approval in (fact for fact in facts if isinstance(fact, Approval)):
                connection.execute(sa.insert(refund_approvals).values(_approval_row(approval)))
            for gap in (fact for fact in facts if isinstance(fact, Gap)):
                save_page(connection, Page("digiseller.sales", gap=gap), self.now)
        return self

    def complete(self, *feeds: str, since: datetime | None = None, until: datetime | None = None) -> "World":
        """Mark feeds (all by default) as read completely, for thirty days up to now."""
        window = Window(since or self.now - timedelta(days=30), until or self.now)
        with write(self.engine) as connection:
            for name in feeds or (*MAIN_FEEDS.values(), *SWEEPS.values(), *SHOP_FEEDS):
                begin_feed(connection, name, self.now)
                save_page(connection, Page(name, drained=window), self.now)
                end_feed(connection, name, self.now, None)
        return self

    def judge(self) -> Judged:
        """Match and judge."""
        return reconcile(self.settings, self.engine, lambda: self.now)

    def open(self) -> list[dict[str, Any]]:
        """The findings that are open after judging."""
        return [row for row in self.judge().findings if row["status"] == "open"]


def page_of(facts: Iterable[Any]) -> Page:
    """One page with all the facts that a provider or the shop can give."""
    parts: dict[str, list[Any]] = {}
    for fact in facts:
        if type(fact) in _FIELDS:
            parts.setdefault(_FIELDS[type(fact)], []).append(fact)
    return Page("test.facts", **{name: tuple(values) for name, values in parts.items()})


def _approval_row(approval: Approval) -> dict[str, Any]:
    return {
        "id": f"approval-{approval.ref}-{approval.amount_minor}",
        "provider": approval.provider,
        "ref": approval.ref,
        "amount_minor": approval.amount_minor,
        "currency": approval.currency,
        "decided_by": "Olga",
        "note": "agreed",
        "recorded_at": approval.recorded_at,
    }
