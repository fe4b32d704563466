"""What a pull asks for: windows that overlap, sweeps once a day, and one feed's trouble kept from the others."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from jobs.pull import Pull
from jobs.windows import BEGINNING
from providers.base import Check, Feed
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Gap, Page, Window
from reconciler.schema import charge_states, transactions
from reconciler.settings import Schedule
from reconciler.store.engine import open_store, read
from reconciler.store.facts import feed_rows
from tests.builders import NOW, charge, looked_up


@dataclass
class Scripted:
    """A source whose feeds do what the test says, and that remembers the windows it was asked for."""

    script: dict[str, Callable[[Window], Iterator[Page]]]
    name: str = "digiseller"
    every: timedelta | None = None
    ahead_s: float | None = None
    asked: dict[str, Window] = field(default_factory=dict)
    looked: list[str] = field(default_factory=list)

    def feeds(self) -> tuple[Feed, ...]:
        """The first feed is the main one; feeds named sweep reach back and come once a day."""
        return tuple(
            Feed(
                name,
                lambda window, name=name: self._fetch(name, window),  # type: ignore[misc]
                main=place == 0,
                reach=timedelta(days=180) if name.endswith("sweep") else None,
                every=timedelta(days=1) if name.endswith("sweep") else None,
            )
            for place, name in enumerate(self.script)
        )

    def _fetch(self, name: str, window: Window) -> Iterator[Page]:
        self.asked[name] = window
        return self.script[name](window)

    def read(self, refs: Iterable[str]) -> Iterator[Page]:
        """Remember what was looked at."""
        self.looked += refs
        return iter(())

    def check(self) -> Iterator[Check]:
        """Nothing."""
        return iter(())

    def close(self) -> None:
        """Nothing."""


def drained(window: Window) -> Iterator[Page]:
    """A healthy feed."""
    yield Page("digiseller.sales", drained=window)


def with_charge(window: Window) -> Iterator[Page]:
    """A healthy feed that brings a charge."""
    yield Page("digiseller.sales", transactions=(charge(),))
    yield Page("digiseller.sales", drained=window)


def down(_window: Window) -> Iterator[Page]:
    """A feed that breaks after its first page."""
    yield Page("digiseller.sales", transactions=(charge(),))
    raise Retryable("connection refused")


def refused(_window: Window) -> Iterator[Page]:
    """A feed that the key has no right to."""
    raise NeedsOperator("no right")
    yield


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    """An empty store."""
    return open_store(f"sqlite:///{tmp_path}/s.db")


def pull(engine: sa.Engine, source: Scripted, now: datetime = NOW, **options: datetime) -> list[str]:
    """Pull once; the shop's name makes it the shop."""
    job = Pull(engine, Schedule(), lambda: now, lambda _line: None, **options)
    return job.run([], source) if source.name == "shop" else job.run([source], None)


def test_the_first_window_is_thirty_days_and_ends_in_the_past(engine: sa.Engine) -> None:
    source = Scripted({"digiseller.sales": drained})
    assert pull(engine, source) == []
    assert source.asked["digiseller.sales"] == Window(NOW - timedelta(days=30), NOW - timedelta(minutes=2))


def test_later_windows_overlap_what_was_complete_by_two_days(engine: sa.Engine) -> None:
    source = Scripted({"digiseller.sales": drained})
    pull(engine, source)
    later = NOW + timedelta(hours=1)
    pull(engine, source, later)
    complete = NOW - timedelta(minutes=2)
    assert source.asked["digiseller.sales"] == Window(complete - timedelta(hours=48), later - timedelta(minutes=2))


def test_after_a_long_stop_the_window_reaches_back_to_the_watermark(engine: sa.Engine) -> None:
    source = Scripted({"digiseller.sales": drained})
    pull(engine, source)
    pull(engine, source, NOW + timedelta(days=90))
    assert source.asked["digiseller.sales"].since == NOW - timedelta(minutes=2, hours=48)


def test_a_feed_that_broke_leaves_its_rows_and_not_its_watermark(engine: sa.Engine) -> None:
    assert pull(engine, Scripted({"digiseller.sales": down})) == ["digiseller.sales: connection refused"]
    with read(engine) as connection:
        assert len(connection.execute(sa.select(transactions)).all()) == 1
        row = feed_rows(connection)["digiseller.sales"]
    assert (row.complete_until, row.last_success_at, row.last_error) == (None, None, "connection refused")


def test_a_window_with_a_gap_is_said_and_does_not_move_the_watermark(engine: sa.Engine) -> None:
    def gapped(window: Window) -> Iterator[Page]:
        yield Page("digiseller.sales", gap=Gap(window, "pages shifted"))

    assert pull(engine, Scripted({"digiseller.sales": gapped})) == ["digiseller.sales: pages shifted"]
    with read(engine) as connection:
        assert feed_rows(connection)["digiseller.sales"].complete_until is None


def test_a_missing_right_stops_one_feed_and_a_refused_main_feed_the_source(engine: sa.Engine) -> None:
    source = Scripted({"digiseller.sales": drained, "digiseller.receipts": refused, "digiseller.chats": drained})
    assert pull(engine, source) == ["digiseller.receipts: no right"]
    assert "digiseller.chats" in source.asked
    source = Scripted({"digiseller.sales": refused, "digiseller.receipts": drained})
    assert pull(engine, source) == ["digiseller.sales: no right"]
    assert "digiseller.receipts" not in source.asked


def test_a_sweep_reaches_half_a_year_back_and_comes_once_a_day(engine: sa.Engine) -> None:
    source = Scripted({"digiseller.sales": drained, "digiseller.sweep": drained})
    pull(engine, source)
    assert source.asked.pop("digiseller.sweep").since == NOW - timedelta(days=180)
    pull(engine, source, NOW + timedelta(hours=23))
    assert "digiseller.sweep" not in source.asked
    pull(engine, source, NOW + timedelta(hours=25))
    assert "digiseller.sweep" in source.asked


def test_a_sweep_that_failed_is_tried_again_with_the_next_pull(engine: sa.Engine) -> None:
    pull(engine, Scripted({"digiseller.sales": drained, "digiseller.sweep": down}))
    source = Scripted({"digiseller.sales": drained, "digiseller.sweep": drained})
    pull(engine, source, NOW + timedelta(minutes=10))
    assert "digiseller.sweep" in source.asked


def test_the_shop_is_read_from_its_beginning_and_then_from_its_watermark(engine: sa.Engine) -> None:
    source = Scripted({"shop.orders": lambda window: iter([Page("shop.orders", drained=window)])}, name="shop")
    pull(engine, source)
    assert source.asked["shop.orders"] == Window(BEGINNING, NOW)
    pull(engine, source, NOW + timedelta(hours=1))
    assert source.asked["shop.orders"].since == NOW - timedelta(hours=48)


def test_a_charge_without_order_is_looked_at_unless_its_provider_is_down(engine: sa.Engine) -> None:
    broken = Scripted({"digiseller.sales": down})
    pull(engine, broken)
    assert broken.looked == []
    healthy = Scripted({"digiseller.sales": with_charge})
    pull(engine, healthy)
    assert healthy.looked == ["1001"]


def test_since_and_until_replace_the_window(engine: sa.Engine) -> None:
    source = Scripted({"digiseller.sales": drained})
    since, until = NOW - timedelta(days=9), NOW - timedelta(days=8)
    pull(engine, source, since=since, until=until)
    assert source.asked["digiseller.sales"] == Window(since, until)


def test_looks_before_a_fault_are_stored_and_the_fault_is_said(engine: sa.Engine) -> None:
    def looks(_refs: Iterable[str]) -> Iterator[Page]:
        yield Page("digiseller.details", states=(looked_up("1001"),))
        raise Retryable("invoice 1002 cannot be read")

    source = Scripted({"digiseller.sales": with_charge})
    source.read = looks  # type: ignore[method-assign]
    assert pull(engine, source) == ["digiseller.details: invoice 1002 cannot be read"]
    with read(engine) as connection:
        assert connection.execute(sa.select(charge_states.c.ref)).scalars().all() == ["1001"]
