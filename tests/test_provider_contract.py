"""What every provider in the registry owes: each is pulled from its simulator over real HTTP by the same tests."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.pull import Pull
from jobs.reconcile import MAIN_FEEDS, SWEEPS
from providers import NAMES, build_providers
from providers.base import Provider
from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.scenario import build
from providers.simulators.scenario.load import into_digiseller, into_tribute
from providers.simulators.server import SimulatedServer
from providers.simulators.tribute import TributeSimulator
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Window
from reconciler.schema import metadata, raw_records, transactions
from reconciler.settings import Schedule, Settings
from reconciler.store.engine import open_store, read
from reconciler.store.facts import feed_rows

UNKNOWN_REFS = {"digiseller": "999999999", "tribute": "00000000-0000-4000-8000-000000000000"}
SECRET = "SECRETkey0000001"


def now() -> datetime:
    """The wall clock: the simulators' own."""
    return datetime.now(UTC)


def simulators() -> dict[str, Callable[[], SimulatedServer]]:
    """A simulator of each provider that takes our key alone, with a small world in it."""

    def digiseller() -> SimulatedServer:
        simulator = DigiSellerSimulator(api_key=SECRET)
        simulator.switches.sells_limit = 0
        into_digiseller(simulator, build(now(), 5, 20, seed=2))
        return simulator

    def tribute() -> SimulatedServer:
        simulator = TributeSimulator(api_key=SECRET)
        into_tribute(simulator, build(now(), 5, 20, seed=2))
        return simulator

    return {"digiseller": digiseller, "tribute": tribute}


def provider_of(name: str, base_url: str, key: str = SECRET) -> Provider:
    """The provider as the configuration would build it, without waiting between tries."""
    section: dict[str, Any] = {"base_url": base_url, "api_key": key, "requests_per_second": 5000}
    if name == "digiseller":
        section |= {"seller_id": 100001, "sells_per_minute": 60_000}
    settings = Settings.model_validate({"providers": {name: section}})
    return build_providers(settings, now=now, sleep=lambda _seconds: None)[0]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each provider of the registry."""
    return str(request.param)


@pytest.fixture
def simulator(name: str) -> Iterator[Any]:
    """Its simulator, running."""
    with simulators()[name]() as running:
        yield running


def pulled(engine: sa.Engine, provider: Provider) -> list[str]:
    """Pull one provider into a store."""
    return Pull(engine, Schedule(), now, lambda _line: None).run([provider], None)


def stored(engine: sa.Engine) -> list[tuple[Any, ...]]:
    """The stored transactions, apart from times of seeing."""
    left_out = {"first_seen_at", "occurred_at"}
    columns = [column for column in transactions.columns if column.name not in left_out]
    with read(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(transactions.c.ref))]


def test_its_feeds_are_named_after_it_and_one_is_the_main_one(name: str, simulator: Any) -> None:
    provider = provider_of(name, simulator.base_url)
    feeds = provider.feeds()
    assert provider.name == name
    assert all(feed.name.startswith(f"{name}.") for feed in feeds)
    assert [feed.name for feed in feeds if feed.main] == [MAIN_FEEDS[name]]
    assert SWEEPS[name] in {feed.name for feed in feeds if feed.reach and feed.every}


def test_a_window_is_drained_by_its_last_page_alone(name: str, simulator: Any) -> None:
    window = Window(now() - timedelta(days=10), now() - timedelta(minutes=2))
    main = next(feed for feed in provider_of(name, simulator.base_url).feeds() if feed.main)
    *pages, last = list(main.fetch(window))
    assert last.drained == window
    assert all(page.drained is None and page.gap is None for page in pages)


def test_a_pull_twice_stores_the_same(name: str, simulator: Any, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    assert pulled(engine, provider_of(name, simulator.base_url)) == []
    first = stored(engine)
    assert first
    assert pulled(engine, provider_of(name, simulator.base_url)) == []
    assert stored(engine) == first


def test_the_watermark_stays_when_a_window_is_not_read_to_its_end(name: str, simulator: Any, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    simulator.fault("/", "cut", 100_000)
    assert pulled(engine, provider_of(name, simulator.base_url))
    with read(engine) as connection:
        assert feed_rows(connection)[MAIN_FEEDS[name]].complete_until is None


def test_every_transaction_has_its_raw_record_beside_it(name: str, simulator: Any, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    pulled(engine, provider_of(name, simulator.base_url))
    with read(engine) as connection:
        keys = {key.partition(":")[0] for key in connection.execute(sa.select(raw_records.c.key)).scalars()}
        refs = connection.execute(sa.select(transactions.c.ref).where(transactions.c.ref.not_like("physical:%")))
        assert {ref.partition(":")[0] for ref in refs.scalars()} <= keys


def test_no_secret_is_stored(name: str, simulator: Any, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    pulled(engine, provider_of(name, simulator.base_url))
    with read(engine) as connection:
        everything = "\n".join(
            str(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))
        )
    assert SECRET not in everything
    assert "product_entry'" not in everything
    assert '"product_entry":' not in everything


def test_a_wrong_key_needs_an_operator_and_names_the_setting(name: str, simulator: Any) -> None:
    provider = provider_of(name, simulator.base_url, key="wrong")
    main = next(feed for feed in provider.feeds() if feed.main)
    with pytest.raises(NeedsOperator, match="api_key") as raised:
        list(main.fetch(Window(now() - timedelta(days=1), now())))
    assert "wrong" not in str(raised.value).replace("wrong key", "")
    assert any(line.state == "failed" and line.advice for line in provider.check())


def test_an_unreachable_provider_can_be_tried_again(name: str) -> None:
    provider = provider_of(name, "http://127.0.0.1:9/")
    main = next(feed for feed in provider.feeds() if feed.main)
    with pytest.raises(Retryable):
        list(main.fetch(Window(now() - timedelta(days=1), now())))
    assert any(line.state == "failed" for line in provider.check())


def test_a_look_at_an_unknown_charge_says_that_there_is_none(name: str, simulator: Any) -> None:
    pages = list(provider_of(name, simulator.base_url).read([UNKNOWN_REFS[name]]))
    assert [(state.ref, state.found) for page in pages for state in page.states] == [(UNKNOWN_REFS[name], False)]


def test_a_look_at_a_known_charge_tells_its_state(name: str, simulator: Any, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    provider = provider_of(name, simulator.base_url)
    pulled(engine, provider)
    known = next(row[1] for row in stored(engine) if row[2] == "charge" and ":" not in row[1])
    states = [state for page in provider.read([known]) for state in page.states]
    assert states
    assert all(state.found and state.state for state in states)


def test_a_healthy_check_has_no_failure(name: str, simulator: Any) -> None:
    lines = list(provider_of(name, simulator.base_url).check())
    assert lines
    assert [line for line in lines if line.state == "failed"] == []
