"""A run that judges only what changed or came of age leaves what judging everything leaves, on both databases."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from jobs.reconcile import reconcile
from reconciler.store.engine import open_store
from tests.databases import database
from tests.histories import History
from tests.history_player import clear, configured, outcome, take, wanted

STEPS = 6


@pytest.fixture(scope="module")
def stores(postgres_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, sa.Engine]]:
    """The one that judges everything each time, and those that judge what changed."""
    folder = tmp_path_factory.mktemp("stores")
    with database(postgres_server) as server:
        urls = {"full": f"sqlite:///{folder}/full.db", "sqlite": f"sqlite:///{folder}/small.db", "postgresql": server}
        opened = {name: open_store(url) for name, url in urls.items()}
        yield opened
        for engine in opened.values():
            engine.dispose()


def check(stores: dict[str, sa.Engine], seed: int, steps: int = STEPS) -> None:
    """Play one history in all stores at once and compare after every run."""
    for engine in stores.values():
        clear(engine)
    for number, step in enumerate(History(seed).steps(steps)):
        left = {}
        for name, engine in stores.items():
            take(engine, step)
            looks = wanted(engine, step, everywhere=name == "full")
            judged = reconcile(configured(step), engine, lambda at=step.now: at, full=name == "full")
            left[name] = outcome(engine, judged) | looks
        for name in stores:
            for what, expected in left["full"].items():
                assert left[name][what] == expected, f"{what} on {name}, seed {seed}, step {number}"
        assert all(one["closes"] for one in left["full"]["statement"]["providers"]), f"seed {seed}, step {number}"


@pytest.mark.parametrize("start", range(0, 20, 5))
def test_judging_what_changed_gives_what_judging_everything_gives(stores: dict[str, sa.Engine], start: int) -> None:
    for seed in range(start, start + 5):
        check(stores, seed)


@pytest.mark.long
@pytest.mark.parametrize("start", range(20, 500, 20))
def test_judging_what_changed_gives_the_same_in_many_histories(stores: dict[str, sa.Engine], start: int) -> None:
    for seed in range(start, start + 20):
        check(stores, seed, steps=20)
