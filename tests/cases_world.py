"""A store with one delivered purchase, and what an operator types about its cases."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.store.engine import open_store
from tests import builders
from tests.builders import World, account, charge, order
from tests.cli_world import MINIMAL, Ended, Program

NOW = datetime.now(UTC)
BOUGHT = NOW - timedelta(days=2)
CHARGEBACK = ("--provider", "digiseller", "--amount", "10", "--currency", "WMZ", "--reason", "10.4")
BY = ("--by", "Ann", "--note", "looked at it")


@pytest.fixture
def world(program: Program) -> Iterator[World]:
    """The store that the program uses, with one delivered purchase of account `acc`."""
    program.configure(MINIMAL + f'\n[database]\nurl = "sqlite:///{program.folder}/books.db"\n')
    engine = open_store(f"sqlite:///{program.folder}/books.db")
    made = World(engine, now=NOW).complete()
    made.add(charge(occurred_at=BOUGHT), delivered_order(), account(updated_at=BOUGHT))
    made.judge()
    yield made
    engine.dispose()


def delivered_order(order_id: str = "A1", ref: str | None = "1001", **changes: Any) -> Any:
    """An order delivered two days ago, of account `acc`."""
    times = {"created_at": BOUGHT, "delivered_at": BOUGHT, "updated_at": BOUGHT}
    credits = {"credits_micro": 10 * builders.CREDIT, "credits_used_micro": 4 * builders.CREDIT}
    return order(order_id, ref, **({"account_id": "acc"} | times | credits | changes))


def record(program: Program, ref: str = "1001", *more: str) -> dict[str, Any]:
    """Record a chargeback opened yesterday; gives what the program says."""
    opened = (NOW - timedelta(days=1)).isoformat()
    ended = program("chargeback", "record", *CHARGEBACK, "--ref", ref, "--opened-at", opened, *more, "--json")
    assert ended.code == 0, ended.err
    said: dict[str, Any] = ended.json()
    return said


def decide(program: Program, case: str, action: str, *more: str) -> Ended:
    """Decide a case."""
    return program("cases", "decide", case, "--action", action, *BY, *more, "--json")


def show(program: Program, case: str) -> dict[str, Any]:
    """A case as `cases show` prints it."""
    said: dict[str, Any] = program("cases", "show", case, "--json").json()
    return said


def events(case: dict[str, Any]) -> list[str]:
    """What happened to a case, in order."""
    return [one["event"] for one in case["timeline"]]


def commands(world: World) -> list[Any]:
    """What waits to be sent to the shop, as bodies."""
    with world.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT body FROM outbox WHERE channel = 'command' ORDER BY id"))
        return [json.loads(row.body) for row in rows]
