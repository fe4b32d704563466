"""Every lifecycle story ends as it says, on both databases; and none sends what nobody decided."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from reconciler.cases.model import PROGRAM
from reconciler.money import Money
from reconciler.schema_cases import case_events, cases
from reconciler.schema_told import commands, outbox
from reconciler.store import disputes as dispute_store
from reconciler.store.engine import open_store, read, write
from reconciler.words.voice import Voice
from tests import stores
from tests.builders import NOW, World, account, charge, order, settings
from tests.case_steps import Story
from tests.case_stories import STORIES
from tests.case_teller import Teller
from tests.databases import database
from tests.russian import sentences


@pytest.fixture(scope="module")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """One SQLite store for all stories; each empties it."""
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/stories.db")


@pytest.fixture(scope="module")
def postgres_engine(postgres_server: sa.URL) -> Iterator[sa.Engine]:
    """One PostgreSQL database for all stories; each empties it."""
    with database(postgres_server) as url:
        engine = open_store(url)
        yield engine
        engine.dispose()


RUSSIAN = Voice("ru")


def check(engine: sa.Engine, told: Story) -> None:
    """Tell the story in an empty store, and compare its end."""
    with write(engine) as connection:
        stores.empty(connection)
    mode = settings(policy={"suspension_mode": told.mode})
    world = World(engine, settings=mode).complete()
    if told.mode == "auto" and "before the first run" not in told.title:
        world.judge()
    teller = Teller(world, told.about, told.ref)
    for step in told.steps:
        teller.tell(step)
    with read(engine) as connection:
        row = teller.case(connection)
        said = row["said"]
        sent = [json.loads(one.body) for one in connection.execute(sa.select(outbox).order_by(outbox.c.id))
                if one.channel == "command"]  # fmt: skip
        notes = [one.note for one in connection.execute(sa.select(case_events)) if one.actor == PROGRAM]
        events = [one.event for one in connection.execute(sa.select(case_events).order_by(case_events.c.at))]
    assert (row["status"], said["recommendation"], said["policy_clause"]) == told.then, said
    assert tuple(one["type"] for one in sent) == told.sends
    ours = [said["because"], *(check["says"] for check in said["checks"]), *said["ask_for"], *notes]
    assert [text for one in ours for text in sentences(RUSSIAN.sentence(one))] == []
    assert events.count("commanded") == len(sent)
    assert all(one["data"]["policy_clause"] and one["data"]["decided_by"] for one in sent)


IDS = [one.title for one in STORIES]


@pytest.mark.parametrize("told", STORIES, ids=IDS)
def test_a_story_ends_as_it_says_on_sqlite(sqlite_engine: sa.Engine, told: Story) -> None:
    check(sqlite_engine, told)


SOME = [
    pytest.param(told, marks=[pytest.mark.long] if number % 3 else [], id=told.title)
    for number, told in enumerate(STORIES)
]
"""A third of them by day, all with `make test-long`: only SQL can differ between the two."""


@pytest.mark.parametrize("told", SOME)
def test_a_story_ends_as_it_says_on_postgresql(postgres_engine: sa.Engine, told: Story) -> None:
    check(postgres_engine, told)


def test_there_are_stories_enough() -> None:
    assert len({one.title for one in STORIES}) == len(STORIES) >= 60


def test_a_burst_in_mode_auto_sends_nothing_and_calls_one_person(sqlite_engine: sa.Engine) -> None:
    with write(sqlite_engine) as connection:
        stores.empty(connection)
    auto = settings(policy={"suspension_mode": "auto"})
    world = World(sqlite_engine, settings=auto).complete()
    world.judge()
    refs = [f"7{n:02}" for n in range(20)]
    world.add(*(charge(ref) for ref in refs), *(order(ref, ref, account_id=ref) for ref in refs))
    world.add(*(account(ref) for ref in refs)).judge()
    world.now += timedelta(minutes=1)
    opened = NOW - timedelta(hours=2)
    with write(sqlite_engine) as connection:
        for ref in refs:
            new = dispute_store.NewDispute("digiseller", ref, Money(1000, "WMZ"), "10.4", opened)
            dispute_store.record(connection, new, "Ann", world.now)
    for _ in range(3):
        world.judge()
        world.now += timedelta(hours=20)
    with read(sqlite_engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(commands)).scalar_one() == 0
        alerts = [row for row in connection.execute(sa.select(outbox)) if row.channel == "alert"]
        said = [row.said["recommendation"] for row in connection.execute(sa.select(cases))]
    assert [row.key.partition(":")[0] for row in alerts] == ["brake"]
    assert said == ["suspend"] * 20
