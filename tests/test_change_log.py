"""Every change of a fact is noted with the change itself, on both databases, however many rows a statement has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconciler.schema import changes, transactions
from reconciler.store.engine import open_store, read, write
from tests.builders import World, charge

REFS = ["1001", "1002", "1003"]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A store with three charges on each database, whose log is empty."""
    sqlite = request.param == "sqlite"
    opened = open_store(f"sqlite:///{tmp_path}/s.db" if sqlite else request.getfixturevalue("postgres_store"))
    World(opened).add(*(charge(ref, buyer_email=f"{ref}@x.example") for ref in REFS))
    with write(opened) as connection:
        connection.execute(sa.delete(changes))
    yield opened
    opened.dispose()


def noted(engine: sa.Engine) -> list[tuple[str, bool, str | None]]:
    """Which refs were noted, whether as they were before, and with whose e-mail."""
    row = changes.c
    with read(engine) as connection:
        return [tuple(one) for one in connection.execute(sa.select(row.ref, row.old, row.email).order_by(row.ref))]


def test_rows_that_come_are_noted(engine: sa.Engine) -> None:
    World(engine).add(charge("1004"), charge("1005"))
    assert noted(engine) == [("1004", False, None), ("1005", False, None)]


def test_of_rows_that_change_it_is_noted_what_they_said_before(engine: sa.Engine) -> None:
    with write(engine) as connection:
        connection.execute(sa.update(transactions).values(buyer_email="new@x.example"))
    assert noted(engine) == [(ref, True, f"{ref}@x.example") for ref in REFS]


def test_of_rows_that_go_it_is_noted_what_they_said(engine: sa.Engine) -> None:
    with write(engine) as connection:
        connection.execute(sa.delete(transactions))
    assert noted(engine) == [(ref, True, f"{ref}@x.example") for ref in REFS]


def test_of_one_statement_new_and_changed_rows_are_noted_each_for_what_it_is(engine: sa.Engine) -> None:
    World(engine).add(charge("1001", buyer_email="new@x.example"), charge("1004"))
    assert noted(engine) == [("1001", True, "1001@x.example"), ("1004", False, None)]


def test_postgresql_notes_the_rows_of_a_statement_at_once(postgres_store: str) -> None:
    query = sa.text(
        "SELECT DISTINCT action_orientation FROM information_schema.triggers WHERE trigger_name LIKE 'log_%'"
    )
    with read(open_store(postgres_store)) as connection:
        assert set(connection.execute(query).scalars()) == {"STATEMENT"}
