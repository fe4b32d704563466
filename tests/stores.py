"""A store on each database, for tests that must hold on both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.schema import metadata
from reconciler.schema_told import audit_records
from reconciler.store.engine import open_store, read


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    return _address(request, tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def by_day(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same for tests whose SQL others hold to both databases: PostgreSQL with `make test-long` only."""
    return _address(request, tmp_path)


def _address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path}/s.db" if sqlite else str(request.getfixturevalue("postgres_store"))


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """An empty store on each database."""
    opened = open_store(url)
    yield opened
    opened.dispose()


def stored(engine: sa.Engine, table: sa.Table) -> list[Any]:
    """All rows of a table, in the order of its key."""
    with read(engine) as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)))


def empty(connection: sa.Connection) -> None:
    """Take every row out of the store, but for the audit's, which nothing may delete."""
    for table in reversed(metadata.sorted_tables):
        if table is not audit_records:
            connection.execute(sa.delete(table))
