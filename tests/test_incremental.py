"""A run that judges only what changed or came of age leaves what judging everything leaves, on both databases."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.reconcile import MAIN_FEEDS, SHOP_FEEDS, SWEEPS, Judged, reconcile
from reconciler.model import Page, Payment, Window
from reconciler.schema import bookings, changes, finding_events, matches, metadata, payments, totals
from reconciler.store.engine import open_store, read, write
from reconciler.store.facts import begin_feed, end_feed, save_page
from reconciler.store.findings import list_findings
from tests.builders import NOW, Approval, World, page_of, settings
from tests.histories import History, Step

STEPS = 8


@pytest.fixture(scope="module")
def server(postgres_server: sa.URL) -> Iterator[str]:
    """A PostgreSQL database for all tests of this module."""
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    name = f"incremental_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgres_server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def stores(server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, sa.Engine]:
    """The one that judges everything each time, and those that judge what changed."""
    folder = tmp_path_factory.mktemp("stores")
    urls = {"full": f"sqlite:///{folder}/full.db", "sqlite": f"sqlite:///{folder}/small.db", "postgresql": server}
    return {name: open_store(url) for name, url in urls.items()}


def clear(engine: sa.Engine) -> None:
    """Begin anew."""
    with write(engine) as connection:
        tables = [table for table in reversed(metadata.sorted_tables) if not table.name.startswith("audit_")]
        for table in [*tables, changes]:  # the changes last: emptying the others is noted there
            connection.execute(sa.delete(table))


def take(engine: sa.Engine, step: Step) -> None:
    """Store what a step brings."""
    World(engine, now=step.now).add(*(fact for fact in step.facts if isinstance(fact, Approval)))
    with write(engine) as connection:
        for fact in step.facts:  # one by one: of two versions in one page only the last may count
            save_page(connection, page_of([fact]), step.now)
        for one in step.gone:
            key = [payments.c[name] == getattr(one, name) for name in Payment.__dataclass_fields__]
            connection.execute(sa.delete(payments).where(*key))
        for name in (*MAIN_FEEDS.values(), *SWEEPS.values(), *SHOP_FEEDS) if step.read else ():
            begin_feed(connection, name, step.now)
            save_page(connection, Page(name, drained=Window(NOW - timedelta(days=10), step.now)), step.now)
            end_feed(connection, name, step.now, None)


def outcome(engine: sa.Engine, judged: Judged) -> dict[str, Any]:
    """All that a run left and said."""
    with read(engine) as connection:
        kept = {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in (matches, bookings, totals)
        }
        columns = [column for column in finding_events.columns if column.name != "run_id"]
        events = sa.select(*columns).order_by(finding_events.c.finding_id, finding_events.c.number)
        kept["findings"] = list_findings(connection)
        kept["events"] = [tuple(row) for row in connection.execute(events)]
    said = {name: sorted(getattr(judged.changes, name)) for name in ("opened", "changed", "reopened", "resolved")}
    return kept | {"statement": judged.statement, "said": said, "shown": judged.findings}


def check(stores: dict[str, sa.Engine], seed: int, steps: int = STEPS) -> None:
    """Play one history in all stores at once and compare after every run."""
    for engine in stores.values():
        clear(engine)
    for number, step in enumerate(History(seed).steps(steps)):
        left = {}
        for name, engine in stores.items():
            take(engine, step)
            left[name] = outcome(engine, reconcile(settings(), engine, step.now, full=name == "full"))
        for name in ("sqlite", "postgresql"):
            for what, wanted in left["full"].items():
                assert left[name][what] == wanted, f"{what} on {name}, seed {seed}, step {number}"
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
