"""A made-up shop that lives for some days: simulated providers on one clock, with runs whose results are replayed."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import time_machine

from jobs.replay import Replayed, replay
from jobs.retention import remove_outdated
from jobs.run import RunResult, run_once
from jobs.web import WebServer
from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.receiver import CommandReceiver
from providers.simulators.scenario import Scenario, build
from providers.simulators.scenario.load import into_digiseller, into_tribute, push_by_tribute
from providers.simulators.scenario.values import Sale
from providers.simulators.shop import ShopSimulator
from providers.simulators.tribute import TributeSimulator
from reconciler.cli import demo_folder
from reconciler.cli.demo import record
from reconciler.report.period import Period
from reconciler.schema import metadata
from reconciler.settings import Settings
from reconciler.store.engine import open_store, read, write

FIRST = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The time that the providers and the program go by; each look at it moves it a little, as real ones move."""

    at: datetime = FIRST

    def __call__(self) -> datetime:
        """The time now."""
        self.at += timedelta(microseconds=7)
        return self.at

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


@dataclass
class World:
    """The shop, its providers, and the store under test."""

    clock: Clock
    scenario: Scenario
    digiseller: DigiSellerSimulator
    tribute: TributeSimulator
    shop: ShopSimulator
    settings: Settings
    engine: sa.Engine
    days: list[Period] = field(default_factory=list)

    def run(self, **changed: Any) -> RunResult:
        """Run the main job once, a quarter of an hour later; `changed` are sections of the settings."""
        self.clock.move(minutes=15)
        result = run_once(self.settings.model_copy(update=changed), self.engine, now=self.clock)
        self.days = sorted({*self.days, self.today}, key=lambda day: day.first)
        return result

    def keep(self, days: int) -> None:
        """Keep raw records so long, from now on."""
        retention = self.settings.retention.model_copy(update={"raw_days": days})
        self.settings = self.settings.model_copy(update={"retention": retention})

    def forget(self) -> dict[str, int]:
        """A day later, remove all that was read by now and that nothing needs: what follows rests on a base."""
        kept = self.settings.retention.raw_days
        self.keep(days=1)
        self.clock.move(hours=25)
        removed = remove_outdated(self.settings, self.engine, self.clock())
        self.keep(days=kept)
        return removed

    @property
    def today(self) -> Period:
        """The day that it is in the configured zone."""
        zone = ZoneInfo(self.settings.timezone)
        return Period(self.clock.at.astimezone(zone).date(), zone)

    def replay(self, day: Period | None = None, **changed: Any) -> Replayed:
        """Replay a day, today unless one is given."""
        return replay(self.settings.model_copy(update=changed), self.engine, day or self.today, lambda _line: None)

    def shop_does(self, statement: str, *values: Any) -> None:
        """Let the shop change its own database."""
        with closing(sqlite3.connect(self.shop.path)) as connection, connection:
            connection.execute(statement, values)

    def shop_changes(self, order_id: str, **values: Any) -> None:
        """Let the shop change columns of an order, and say so in `updated_at`."""
        values["updated_at"] = self.clock.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        named = ", ".join(f"{name} = ?" for name in values)
        self.shop_does(f"UPDATE orders SET {named} WHERE order_id = ?", *values.values(), order_id)

    @property
    def plain_sales(self) -> list[Sale]:
        """DigiSeller's sales about which nothing has been planted."""
        return sorted(
            (sale for sale in self.scenario.sales if sale.state == 3 and not sale.written_date and not sale.review),
            key=lambda sale: sale.invoice,
        )

    def configure(self, folder: Path) -> None:
        """Write the configuration for commands, with this store in it."""
        database = self.settings.database.model_copy(update={"url": self.engine.url.render_as_string(False)})
        demo_folder.write_config(folder, self.settings.model_copy(update={"database": database}))
        (folder / demo_folder.CONFIG).replace(folder / "config.toml")

    def push(self) -> None:
        """Let Tribute push what it pushes in this world."""
        anywhere = self.settings.web.model_copy(update={"host": "127.0.0.1", "port": 0})
        settings = self.settings.model_copy(update={"web": anywhere})
        with WebServer(settings, self.engine, lambda: None, self.clock) as web:
            key = self.settings.providers.tribute.api_key.get_secret_value()
            push_by_tribute(f"http://127.0.0.1:{web.port}/webhooks/tribute", key, self.scenario)

    def dump(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        with read(self.engine) as connection:
            return {
                table.name: sorted(map(repr, connection.execute(sa.select(table)))) for table in metadata.sorted_tables
            }


@contextmanager
def living(folder: Path, url: str, *, days: int = 10, charges: int = 30) -> Iterator[World]:
    """A world on loopback with a fresh store at `url`, in which the operator has entered what the demo's does."""
    clock = Clock()
    scenario = build(clock.at, days, charges, seed=1)
    digiseller, tribute, receiver = DigiSellerSimulator(now=clock), TributeSimulator(now=clock), CommandReceiver()
    digiseller.switches.sells_limit = 0
    into_digiseller(digiseller, scenario)
    into_tribute(tribute, scenario)
    shop = ShopSimulator(folder / "shop.db")
    shop.load(scenario)
    with ExitStack() as running:
        for simulator in (digiseller, tribute, receiver):
            running.enter_context(simulator)
        settings = demo_folder.settings(folder, scenario, digiseller, tribute, shop, receiver)
        engine = open_store(url)
        running.callback(engine.dispose)
        with write(engine) as connection, time_machine.travel(clock(), tick=False):
            record(scenario, connection, ZoneInfo(settings.timezone))
        yield World(clock, scenario, digiseller, tribute, shop, settings, engine)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """A small shop on SQLite, after two runs."""
    with living(tmp_path, f"sqlite:///{tmp_path}/s.db", days=3, charges=5) as begun:
        begun.run()
        begun.run()
        yield begun
