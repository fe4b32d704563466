"""Every kind of finding is found where it is, and only there, alike on both databases."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from reconciler.detectors import KINDS
from reconciler.model import Quarantined
from reconciler.report.story import story
from reconciler.statement import DOES_NOT_CLOSE
from reconciler.store.engine import open_store, write
from reconciler.words.voice import Voice
from tests import stores
from tests.builders import Approval, World, ago, charge, order, refund
from tests.databases import database
from tests.detector_example import Example
from tests.detector_examples import EXAMPLES
from tests.russian import english

RUSSIAN = Voice("ru")
CASES = [(kind, example) for kind, examples in EXAMPLES.items() for example in examples]
IDS = [f"{kind}: {example.title}" for kind, example in CASES]


@pytest.fixture(scope="module")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """One SQLite store for this module; each example empties it."""
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/examples.db")


@pytest.fixture(scope="module")
def postgres_engine(postgres_server: sa.URL) -> Iterator[sa.Engine]:
    """One migrated PostgreSQL database for this module; each example empties it."""
    with database(postgres_server) as url:
        engine = open_store(url)
        yield engine
        engine.dispose()


def _without(details: list[str], told: str) -> str:
    for detail in details:
        told = told.replace(detail, "…")
    return told


def check(engine: sa.Engine, kind: str, example: Example) -> None:
    """Empty the store, judge the example's world and compare what was found of the kind."""
    with write(engine) as connection:
        stores.empty(connection)
    judged = World(engine).complete().add(*example.facts).judge()
    found = [
        (row["reason"], tuple(row["transaction_ids"]), row["order_id"])
        for row in judged.findings
        if row["kind"] == kind and row["status"] == "open"
    ]
    assert sorted(found, key=str) == sorted(example.found, key=str)
    stories = [story(row, RUSSIAN) for row in judged.findings]
    stories += [RUSSIAN.sentence(row["explanation"]) for row in judged.findings]  # as a case repeats it
    details = [fact.reason for fact in example.facts if isinstance(fact, Quarantined)]  # for engineers, as they are
    assert [text for told in stories for text in english(_without(details, told))] == []
    assert judged.verdict != DOES_NOT_CLOSE, judged.statement["providers"]


@pytest.mark.parametrize(("kind", "example"), CASES, ids=IDS)
def test_an_example_gives_what_it_says_on_sqlite(sqlite_engine: sa.Engine, kind: str, example: Example) -> None:
    check(sqlite_engine, kind, example)


@pytest.mark.parametrize(("kind", "example"), CASES, ids=IDS)
def test_an_example_gives_what_it_says_on_postgresql(postgres_engine: sa.Engine, kind: str, example: Example) -> None:
    check(postgres_engine, kind, example)


def test_every_kind_has_an_example_that_is_found_and_one_that_stays_silent() -> None:
    assert set(EXAMPLES) == set(KINDS)
    for kind, examples in EXAMPLES.items():
        assert any(example.found for example in examples), kind
        assert any(not example.found for example in examples), kind


def test_what_went_back_above_the_approvals_is_at_stake_and_nothing_else(sqlite_engine: sa.Engine) -> None:
    with write(sqlite_engine) as connection:
        stores.empty(connection)
    world = World(sqlite_engine).complete().add(charge(), order(), Approval(amount_minor=500))
    world.add(refund(amount_minor=400), refund(ref="1001:again", amount_minor=400, occurred_at=ago(hours=1)))
    [found] = world.open()
    assert (found["kind"], found["amount"]) == ("suspected_chargeback", "3.00")
    assert "3.00 WMZ more than all approved refunds of it allow" in found["explanation"]
    assert "3,00\u00a0WMZ из них не объясняет ни одно решение" in story(found, RUSSIAN)
