"""What the tests of Tribute share: samples, a simulated Tribute and a provider that reads it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.simulators.tribute import TributeSimulator
from providers.tribute import Tribute, build
from reconciler.model import ChargeState, Page, Quarantined, RawRecord, Transaction, Window
from reconciler.settings import TributeSettings
from reconciler.strict_json import parse_json

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = Window(NOW - timedelta(hours=12), NOW)
UUID = "550e8400-e29b-41d4-a716-446655440000"
OTHER = "0f9c2a94-5b41-4a0b-8f3d-6d1f7a2f9e20"
KEY = "test_api_key"
SHOPS, ORDERS, PHYSICAL = "/api/v1/shops", "/api/v1/shop/orders", "/api/v1/physical/orders"
SITE = "https://tribute.example/api/v1"
SAMPLES = Path(__file__).parent / "samples" / "tribute"


def sample(name: str) -> Any:
    """A stored answer, read as the program reads answers."""
    return parse_json((SAMPLES / name).read_bytes())


def error_sample(name: str) -> tuple[int, Any]:
    """Status and body of a stored refusal."""
    stored = json.loads((SAMPLES / "errors" / name).read_text())
    return stored["http_status"], stored["body"]


@dataclass
class Pulled:
    """All that a feed brought, page by page and put together."""

    pages: list[Page] = field(default_factory=list)

    @property
    def transactions(self) -> dict[str, Transaction]:
        return {row.ref: row for page in self.pages for row in page.transactions}

    @property
    def states(self) -> dict[str, ChargeState]:
        return {state.ref: state for page in self.pages for state in page.states}

    @property
    def quarantined(self) -> list[Quarantined]:
        return [item for page in self.pages for item in page.quarantined]

    @property
    def raws(self) -> dict[tuple[str, str], RawRecord]:
        return {(raw.source, raw.key): raw for page in self.pages for raw in page.raws}

    @property
    def drained(self) -> list[Window]:
        return [page.drained for page in self.pages if page.drained]


@dataclass
class World:
    """A simulated Tribute, the provider that looks at it, and the waits that the provider asked for."""

    simulator: TributeSimulator
    provider: Tribute
    slept: list[float]

    def pull(self, name: str = "tribute.sales", window: Window = TODAY) -> Pulled:
        """Read one window of a feed to its end."""
        return Pulled(list(self.pages(name, window)))

    def pages(self, name: str = "tribute.sales", window: Window = TODAY) -> Iterator[Page]:
        """The pages of one window, one at a time."""
        (feed,) = [feed for feed in self.provider.feeds() if feed.name == name]
        return feed.fetch(window)

    def read(self, *refs: str) -> Pulled:
        """Look at single charges."""
        return Pulled(list(self.provider.read(refs)))


def provider_for(simulator: TributeSimulator, slept: list[float], **settings: Any) -> Tribute:
    """A provider at the simulator's address, fast and never really asleep."""
    values = {"base_url": simulator.base_url, "api_key": KEY, "requests_per_second": 10_000} | settings
    return build(TributeSettings(**values), now=lambda: NOW, sleep=slept.append)


def with_settings(world: World, **settings: Any) -> World:
    """The same world, read by a provider with these settings."""
    world.provider.close()
    world.provider = provider_for(world.simulator, world.slept, **settings)
    return world


@pytest.fixture
def world() -> Iterator[World]:
    """A simulated Tribute, up on loopback, and a provider that reads it."""
    with TributeSimulator(now=lambda: NOW) as simulator:
        slept: list[float] = []
        provider = provider_for(simulator, slept)
        yield World(simulator, provider, slept)
        provider.close()


@pytest.fixture
def paid(world: World) -> World:
    """With one paid order."""
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    return world
