"""A simulated DigiSeller with the provider before it, and short ways to read its feeds; for the tests of both."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from providers.digiseller import DigiSeller, build
from providers.simulators.digiseller import DigiSellerSimulator
from reconciler.model import Kind, Page, Transaction, Window
from reconciler.settings import DigiSellerSettings
from reconciler.strict_json import parse_json

NOW = datetime(2026, 10, 21, 9, 0, tzinfo=UTC)
DAY = Window(NOW - timedelta(days=1), NOW)
SAMPLES = Path(__file__).parent / "samples" / "digiseller"


def sample(name: str) -> Any:
    """A sample answer with exact numbers, as the program reads it."""
    return parse_json((SAMPLES / name).read_bytes())


def body(call: Any) -> dict[str, Any]:
    """What a logged call sent."""
    return json.loads(call.body)


@dataclass
class Desk:
    """`now` and `clock_s` may be set; `waits` are the sleeps that were asked for (none is slept)."""

    now: datetime = NOW
    clock_s: float = 0.0
    waits: list[float] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> "Desk":
        self.sim = DigiSellerSimulator(now=lambda: self.now)
        self.sim.switches.sells_limit = 0
        self.sim.start()
        self.provider = self.build()
        return self

    def __exit__(self, *_: object) -> None:
        self.provider.close()
        self.sim.stop()

    def build(self, **changes: Any) -> DigiSeller:
        """A provider with its own log-in."""
        chosen = {"api_key": self.sim.api_key, "seller_id": self.sim.seller_id, "base_url": self.sim.base_url}
        chosen |= {"sells_per_minute": 60_000, "requests_per_second": 10_000} | changes
        settings = DigiSellerSettings(**chosen)
        return build(settings, now=lambda: self.now, sleep=self.waits.append, clock=lambda: self.clock_s)

    def pull(self, name: str = "digiseller.sales", window: Window = DAY) -> list[Page]:
        """Every page of one feed."""
        feed = next(feed for feed in self.provider.feeds() if feed.name == name)
        return list(feed.fetch(window))

    def read(self, *refs: str) -> list[Page]:
        """The pages of single look-ups."""
        return list(self.provider.read(refs))

    def sell(self, count: int, every: timedelta = timedelta(minutes=1)) -> list[str]:
        """Sales inside DAY; returns their refs."""
        start = NOW - timedelta(hours=23)
        return [str(self.sim.add_sale(start + every * number).invoice_id) for number in range(count)]


def transactions(pages: Iterable[Page]) -> dict[str, Transaction]:
    """What pages brought, the later over the earlier, as the store would have it."""
    return {found.ref: found for page in pages for found in page.transactions}


def charges(pages: Iterable[Page]) -> list[str]:
    """The refs of charges, sorted."""
    return sorted(ref for ref, found in transactions(pages).items() if found.kind is Kind.CHARGE)


def drained(pages: Iterable[Page]) -> list[Window]:
    """The windows that pages prove complete."""
    return [page.drained for page in pages if page.drained]


def gaps(pages: Iterable[Page]) -> list[Window]:
    """The windows that pages give up."""
    return [page.gap.window for page in pages if page.gap]


def row(**changes: Any) -> Any:
    """A row of the list of sales; only what matters is named."""
    return sample("seller_sells_v2_page1.json")["rows"][0] | changes


def info(name: str = "purchase_info_paid_3.json", /, **changes: Any) -> Any:
    """A look at one invoice; only what matters is named."""
    return sample(name)["content"] | changes


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
"""Whatever an answer may hold."""
