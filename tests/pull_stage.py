"""The whole pull and judgement over simulated providers and a shop, by a clock that a test moves as it likes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jobs.run import RunOptions, RunResult, run_once
from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.scenario.values import Order, Payment
from providers.simulators.shop import ShopSimulator
from providers.simulators.tribute import TributeSimulator
from reconciler.schema import transactions
from reconciler.settings import Settings
from reconciler.store.engine import open_store, read
from reconciler.store.facts import feed_rows
from tests.processes import hurried

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
UUID = "550e8400-e29b-41d4-a716-446655440000"


@dataclass
class Stage:
    """`now` is everybody's clock; `skew` is what our own is ahead of it."""

    folder: Path
    now: datetime = START
    skew: timedelta = timedelta(0)
    orders: dict[str, Order] = field(default_factory=dict)

    def open(self) -> None:
        """Put everything up."""
        self.digiseller = DigiSellerSimulator(now=lambda: self.now)
        self.digiseller.switches.sells_limit = 0
        self.tribute = TributeSimulator(now=lambda: self.now)
        self.shop = ShopSimulator(self.folder / "shop.db")
        self.engine = open_store(f"sqlite:///{self.folder}/store.db")
        both = {
            "digiseller": {
                "base_url": self.digiseller.base_url,
                "api_key": self.digiseller.api_key,
                "seller_id": 100001,
            }
            | {"sells_per_minute": 60_000, "requests_per_second": 5_000},
            "tribute": {"base_url": self.tribute.base_url, "api_key": "test_api_key", "requests_per_second": 5_000},
        }
        self.settings = Settings.model_validate({"providers": both, "shop": {"url": self.shop.url}})

    def order(self, order_id: str, provider: str, ref: str, **changes: Any) -> None:
        """Save an order of the shop, delivered now unless told otherwise."""
        values = {"unique_code": None, "account_id": None, "buyer_email": None, "telegram_user_id": None}
        values |= {"product_id": None, "credits_ordered": None, "credits": None, "credits_used": None}
        values |= {"amount_minor": 100_000, "currency": "RUB", "status": "delivered", "created_at": self.now}
        values |= {"delivered_at": self.now, "updated_at": self.now, "provider": provider, "provider_ref": ref}
        self.shop.save_orders([Order(order_id=order_id, **(values | changes))])

    def pays(self, order_id: str, provider: str, ref: str) -> None:
        """The shop ties a payment to an order."""
        self.shop.save_payments([Payment(order_id, provider, ref)])

    def run(self, later: timedelta = timedelta(0), **options: Any) -> RunResult:
        """Run the main job once, `later` than the last time."""
        self.now += later
        clock = lambda: self.now + self.skew  # noqa: E731
        return run_once(self.settings, self.engine, RunOptions(**options), now=clock)

    def found(self, result: RunResult) -> set[tuple[str, str | None]]:
        """Kind and order or reference of every open finding."""
        return {
            (row["kind"], row["order_id"] or ",".join(row["transaction_ids"]))
            for row in result.findings
            if row["status"] == "open"
        }

    def stored(self) -> set[str]:
        """The refs of all stored transactions."""
        with read(self.engine) as connection:
            return set(connection.execute(sa.select(transactions.c.ref)).scalars())

    def feed(self, name: str) -> Any:
        """The row of a feed."""
        with read(self.engine) as connection:
            return feed_rows(connection)[name]


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Everything up for the length of a test."""
    stage = Stage(folder)
    stage.open()
    with stage.digiseller, stage.tribute, hurried():
        yield stage
