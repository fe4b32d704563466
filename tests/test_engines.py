"""DuckDB, SQLite and PostgreSQL give the same rows for the same facts: ties, conflicts, repeats and findings."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.detectors import OF_MATCHING, Context
from reconciler.files.engine import DuckEngine, open_engine
from reconciler.matching import relations, run
from reconciler.matching.terms import Terms
from reconciler.model import Kind, Transaction
from reconciler.store.engine import open_store, write
from reconciler.store.facts import save_page
from reconciler.store.steps import match_stored
from tests import stores
from tests.builders import NOW, ago, page_of, refund
from tests.matching_oracle import ties_of
from tests.test_matching import horizon, hostile, oracle_of

TERMS = Terms()
RESULTS = (relations.tie, relations.contested, relations.likely, relations.surplus)


def world(seed: int) -> list[Any]:
    """A hostile world in which some of the money went back."""
    facts, pick = hostile(seed), random.Random(seed)
    paid = [fact for fact in facts if isinstance(fact, Transaction) and fact.kind is Kind.CHARGE]
    back = pick.sample(paid, pick.randint(0, 3))
    return [*facts, *(refund(one.ref, provider=one.provider, occurred_at=ago(minutes=50)) for one in back)]


def outcome(engine: Any) -> dict[str, list[Any]]:
    """What an engine's tables say: the results as sorted rows, the findings in the order in which they come."""
    context = Context(TERMS, horizon())
    rows = {table.name: sorted(tuple(row.values()) for row in engine.rows(sa.select(table))) for table in RESULTS}
    judged = [detector.judge(engine.rows(detector.candidates(context)), context) for detector in OF_MATCHING]
    return rows | {"findings": [finding for findings in judged for finding in findings]}


def in_duckdb(folder: Path, given: dict[sa.Table, list[Any]]) -> dict[str, list[Any]]:
    """The outcome over the same input rows in DuckDB."""
    engine: DuckEngine = open_engine(folder, "1GB")
    engine.prepare()
    for table, rows in given.items():
        engine.add(table, rows)
    run.match(engine, TERMS, horizon())
    found = outcome(engine)
    engine.connection.close()
    return found


def in_store(store: sa.Engine, facts: list[Any]) -> tuple[dict[str, list[Any]], dict[sa.Table, list[Any]]]:
    """The outcome inside a database, and the plan's input rows there."""
    with write(store) as connection:
        stores.empty(connection)
        save_page(connection, page_of(facts), NOW)
        engine = match_stored(connection, TERMS, horizon())
        return outcome(engine), {table: list(engine.rows(sa.select(table))) for table in relations.INPUTS}


@pytest.fixture
def databases(tmp_path: Path, postgres_store: str) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    """An empty store on SQLite and one on PostgreSQL."""
    opened = open_store(f"sqlite:///{tmp_path}/s.db"), open_store(postgres_store)
    yield opened
    for store in opened:
        store.dispose()


def hold(folder: Path, databases: tuple[sa.Engine, sa.Engine], seeds: range) -> int:
    """Hold the three against each other, and their ties against the rules; returns how many findings there were."""
    findings = 0
    for seed in seeds:
        facts = world(seed)
        (found, given), (in_postgresql, _) = (in_store(store, facts) for store in databases)
        assert found == in_postgresql, f"seed {seed}"
        assert found == in_duckdb(folder, given), f"seed {seed}"
        charges = [fact for fact in facts if not (isinstance(fact, Transaction) and fact.kind is not Kind.CHARGE)]
        tied = {row[:3] for row in found["m_tie"] if row[3] != "passed"}
        assert tied <= ties_of(oracle_of(charges)), f"seed {seed}"
        findings += len(found["findings"])
    return findings


def test_three_engines_give_the_same_rows(tmp_path: Path, databases: tuple[sa.Engine, sa.Engine]) -> None:
    assert hold(tmp_path, databases, range(20)) > 20


@pytest.mark.long
@pytest.mark.parametrize("start", range(20, 520, 100))
def test_three_engines_give_the_same_rows_in_five_hundred_worlds(
    tmp_path: Path, databases: tuple[sa.Engine, sa.Engine], start: int
) -> None:
    assert hold(tmp_path, databases, range(start, start + 100)) > 100
