"""A base holds all that judging reads, is taken when it is due, and what the log names from it on stays."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.rebuild import Rebuild
from jobs.retention import remove_outdated, take_base
from reconciler.audit import canonical
from reconciler.columns import metadata
from reconciler.model import Account, Page, Quarantined, RawRecord, Signal
from reconciler.schema import accounts, changes, raw_records, signals
from reconciler.schema_replay import kept_texts, readings, replay_base_parts, replay_bases
from reconciler.schema_told import audit_records
from reconciler.settings import Retention, Settings
from reconciler.store import bases
from reconciler.store.engine import open_store, read, write
from reconciler.store.erasure import erase
from reconciler.store.facts import save_page
from tests.builders import NOW, charge, order
from tests.replay_world import living
from tests.stores import engine, stored, url
from tests.test_replay import first_day, second_day

__all__ = ["engine", "url"]

DAY = timedelta(days=1)
KEPT = 120
SETTINGS = Settings(retention=Retention(raw_days=KEPT))
LOG = {readings.name, kept_texts.name, changes.name, "alembic_version"}
"""What storing a page leaves besides facts."""


def record(key: str, body: Any = "x", **more: Any) -> RawRecord:
    """A row of the sales list."""
    return RawRecord("digiseller", "digiseller.sales", key, body, **more)


def seen(engine: sa.Engine, at: datetime, *raws: RawRecord) -> None:
    """Store a page of raw records."""
    with write(engine) as connection:
        save_page(connection, Page("digiseller.sales", raws=raws), at)


def kept(engine: sa.Engine) -> list[str]:
    """The keys of the raw records that are there."""
    return sorted({row.key for row in stored(engine, raw_records)})


def facts(connection: sa.Connection) -> dict[str, list[str]]:
    """Every row of every table that a rebuild fills, in one order; raw records by what they are known by."""
    found: dict[str, list[str]] = {}
    for table in metadata.sorted_tables:
        columns = [column for column in table.columns if (table, column.name) != (raw_records, "id")]
        rows = sorted(map(repr, connection.execute(sa.select(*columns))))
        found |= {table.name: rows} if rows and table.name not in LOG else {}
    return found


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[list[sa.Engine]]:
    """Two empty stores."""
    opened = [open_store(f"sqlite:///{tmp_path}/scratch{number}.db") for number in range(2)]
    yield opened
    for one in opened:
        one.dispose()


def test_a_base_is_what_a_rebuild_from_the_beginning_comes_to(
    url: str, tmp_path: Path, scratch: list[sa.Engine]
) -> None:
    with living(tmp_path, url) as world:
        first_day(world)
        second_day(world, tmp_path)
        world.shop_changes(world.scenario.orders[7].order_id, currency="??")
        world.run()
        take_base(world.engine, world.clock(), timedelta(0))
        with read(world.engine) as source, write(scratch[0]) as begun, write(scratch[1]) as put_back:
            base = bases.oldest(source)
            assert base is not None
            Rebuild(source, begun, lambda _line: None).until(base.reading)
            Rebuild(source, put_back, lambda _line: None).begin_with(base)
            whole, copied = facts(begun), facts(put_back)
    assert whole.keys() <= {table.name for table in bases.FACTS}, "a base lacks a table that storing a page writes"
    assert {table.name for table in bases.FACTS} <= whole.keys(), "these days leave a table empty: teach them"
    imported = [row for row in whole["raw_records"] if "'import." in row]
    assert copied == whole | {"raw_records": imported}


def test_bases_are_taken_four_times_while_raw_records_are_kept(engine: sa.Engine) -> None:
    seen(engine, NOW, record("1"))
    for day in range(10, 201, 10):
        seen(engine, NOW + day * DAY, record(str(day)))
        remove_outdated(SETTINGS, engine, NOW + day * DAY)
    taken = [(row.at - NOW).days for row in stored(engine, audit_records) if row.kind == "base.taken"]
    left = stored(engine, replay_bases)
    assert taken == [40, 80, 120, 160, 200]
    assert [(row.at - NOW).days for row in left] == [80, 120, 160, 200]
    assert stored(engine, readings)[0].id == left[0].reading
    assert {row.base_id for row in stored(engine, replay_base_parts)} <= {row.id for row in left}


def test_what_was_removed_lies_before_the_oldest_base_or_is_named_by_nothing(engine: sa.Engine) -> None:
    again = [record("again"), record("dated", read_at=NOW)]
    seen(engine, NOW, record("once"), *again)
    seen(engine, NOW + DAY, record("again", "other"))
    take_base(engine, NOW + 2 * DAY, timedelta(0))
    looked = [replace(again[0]), record("dated", read_at=NOW + 3 * DAY), *(_dated(number) for number in range(30))]
    seen(engine, NOW + 3 * DAY, *looked)
    assert any("#" in row.said for row in stored(engine, readings))
    remove_outdated(SETTINGS, engine, NOW + (KEPT + 2) * DAY)
    assert [key for key in kept(engine) if not key.startswith("many")] == ["again", "dated"]
    bodies = [row.body for row in stored(engine, raw_records) if row.key == "again"]
    assert bodies == ['"x"'], "only the form that came back is named"


def _dated(number: int) -> RawRecord:
    return record(f"many{number}", read_at=NOW + 3 * DAY)


def test_texts_that_nothing_names_any_more_go_with_the_log(engine: sa.Engine) -> None:
    seen(engine, NOW, *(_dated(number) for number in range(0, 60, 2)))
    take_base(engine, NOW + DAY, timedelta(0))
    seen(engine, NOW + 2 * DAY, *(_dated(number) for number in range(60)))
    before = {row.digest for row in stored(engine, kept_texts)}
    remove_outdated(SETTINGS, engine, NOW + KEPT * DAY + timedelta(hours=1))
    (after,) = stored(engine, kept_texts)
    assert len(before) == 2
    assert f"#{after.digest}" in stored(engine, readings)[-1].said


@pytest.fixture
def based(engine: sa.Engine) -> sa.Engine:
    """A store with a buyer, and a base."""
    rows = (Account("u1", "active", NOW, "a@x.org", "777001"),)
    told = (Signal("tribute", "7", "n", True, NOW, "a@x.org"),)
    with write(engine) as connection:
        save_page(connection, Page("x", accounts=rows, signals=told, raws=(record("1"),)), NOW)
    take_base(engine, NOW + DAY, timedelta(0))
    return engine


def is_as_taken(engine: sa.Engine) -> bool:
    """Whether the base is what the audit vouches for."""
    with read(engine) as connection:
        return bases.is_as_taken(connection, bases.oldest(connection))


def test_the_digest_of_a_base_is_on_record(based: sa.Engine) -> None:
    (base,) = stored(based, replay_bases)
    (row,) = stored(based, audit_records)
    assert (row.kind, row.subject, row.data) == ("base.taken", "1", canonical({"digest": base.digest}))
    assert is_as_taken(based)


@pytest.mark.parametrize(
    "changed",
    [
        sa.update(replay_base_parts).values(data=b"x"),
        sa.update(replay_base_parts).values(name="orders"),
        sa.delete(replay_base_parts).where(replay_base_parts.c.number == 1),
        sa.update(replay_bases).values(reading=0),
        sa.update(replay_bases).values(at=NOW),
    ],
    ids=["data", "table", "part", "reading", "time"],
)
def test_a_base_changed_by_hand_is_none_that_was_taken(based: sa.Engine, changed: sa.Update | sa.Delete) -> None:
    with write(based) as connection:
        connection.execute(changed)
    assert not is_as_taken(based)
    with write(based) as connection:
        connection.execute(sa.update(replay_bases).values(digest=bases._digest(connection, 1)))
    assert not is_as_taken(based), "its own digest does not vouch for it"


def test_erasing_empties_a_base_that_was_changed_by_hand(based: sa.Engine) -> None:
    with write(based) as connection:
        mine = replay_base_parts.c.number == 0
        connection.execute(sa.update(replay_base_parts).where(mine).values(data=b"a@x.org"))
        erase(connection, "a@x.org", "Ann", NOW)
    assert {row.data for row in stored(based, replay_base_parts)} == {b""}
    assert not is_as_taken(based)


def test_what_is_put_back_after_an_erasure_is_what_the_tables_hold(based: sa.Engine, scratch: list[sa.Engine]) -> None:
    with write(based) as connection:
        erase(connection, "a@x.org", "Ann", NOW)
    vouched = [(row.subject, row.actor) for row in stored(based, audit_records) if row.kind == "base.rewritten"]
    assert vouched == [("1", "Ann")]
    assert is_as_taken(based)
    with read(based) as source, write(scratch[0]) as target:
        bases.restore_base(source, target, bases.oldest(source))
    for table in (accounts, signals):
        assert stored(scratch[0], table) == stored(based, table)


def test_nothing_of_an_erased_buyer_is_left_in_a_base(engine: sa.Engine) -> None:
    email = "яна.k@example.com"
    page = Page(
        "x",
        transactions=(charge("7", buyer_email=email, telegram_user_id="777001"), charge("8", buyer_email="b@x.org")),
        orders=(order("A", buyer_email=email),),
        accounts=(Account("u1", "active", NOW, email, "777001"), Account("u2", "active", NOW, "b@x.org", "5")),
        signals=(Signal("digiseller", "7", "bad_review", True, NOW, f"I am {email.upper()}"),),
        quarantined=(Quarantined("digiseller", "s", "8", f"bad {email}", {}),),
    )
    with write(engine) as connection:
        save_page(connection, page, NOW)
    take_base(engine, NOW + DAY, timedelta(0))
    with write(engine) as connection:
        done = erase(connection, email, "Ann", NOW)
    assert done.rows["replay_base_parts"] == 5
    assert is_as_taken(engine)
    told = "".join(zlib.decompress(row.data).decode() for row in stored(engine, replay_base_parts))
    assert "example.com" not in told.casefold()
    assert "777001" not in told
    assert done.pseudonym in told
    assert "b@x.org" in told


def test_an_id_that_only_a_base_still_has_beside_the_address_is_erased_too(based: sa.Engine) -> None:
    """An account may have changed its Telegram id since the base was taken."""
    now = Account("u1", "active", NOW + 2 * DAY, "a@x.org", "777002")
    other = Account("u2", "active", NOW + 2 * DAY, "b@x.org", "777003")
    with write(based) as connection:
        save_page(connection, Page("x", accounts=(now, other), raws=(record("2", {"telegram_user_id": 777001}),)), NOW)
    take_base(based, NOW + 3 * DAY, timedelta(0))
    with write(based) as connection:
        erase(connection, "a@x.org", "Ann", NOW)
    told = "".join(zlib.decompress(row.data).decode() for row in stored(based, replay_base_parts))
    told += "".join(row.body for row in stored(based, raw_records))
    assert [id_ in told for id_ in ("777001", "777002", "777003")] == [False, False, True]
    assert is_as_taken(based)
