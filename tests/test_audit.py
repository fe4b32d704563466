"""The audit chain: what is in it stays, and whoever changes it anyway is found out."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from reconciler.audit import Record, chained, first_broken
from reconciler.schema_told import audit_records
from reconciler.store import audit
from reconciler.store.engine import open_store, read, write
from tests.builders import NOW
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]


def chain(length: int) -> list[Record]:
    """A chain that holds."""
    records: list[Record] = []
    for number in range(length):
        previous = records[-1] if records else None
        records.append(chained(previous, NOW + timedelta(seconds=number), "kind", f"s{number}", "Ann", "{}"))
    return records


def append(engine: sa.Engine, count: int) -> None:
    """Record so many things, each in a transaction of its own."""
    for number in range(count):
        with write(engine) as connection:
            audit.record(connection, "test.done", str(number), "Ann", NOW, {"n": number})


def by_force(engine: sa.Engine, *statements: str) -> None:
    """What somebody with the database's own rights can do: take the guards away, then change what is there."""
    sqlite = engine.dialect.name == "sqlite"
    names = ("update", "delete", "replace") if sqlite else ("change", "truncate")
    on = "" if sqlite else " ON audit_records"
    with write(engine) as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER audit_records_{name}{on}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def found_broken(engine: sa.Engine, head: str | None = None) -> int | None:
    """The number of the first broken record."""
    with read(engine) as connection:
        broken = audit.verify(connection, head)
    return broken.number if broken else None


def test_an_untouched_chain_holds(engine: sa.Engine) -> None:
    append(engine, 5)
    assert found_broken(engine) is None
    assert [row.number for row in stored(engine, audit_records)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET actor = 'Bob' WHERE number = 2",
        "DELETE FROM audit_records WHERE number = 3",
        "DELETE FROM audit_records",
    ],
)
def test_the_database_refuses_to_change_or_remove_a_record(engine: sa.Engine, statement: str) -> None:
    append(engine, 3)
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), write(engine) as connection:
        connection.exec_driver_sql(statement)
    assert len(stored(engine, audit_records)) == 3


def test_replacing_and_truncating_are_refused_too(engine: sa.Engine) -> None:
    append(engine, 3)
    replaced = "INSERT OR REPLACE INTO audit_records VALUES (2, 0, 'k', 's', 'Bob', '{}', 'h')"
    statement = replaced if engine.dialect.name == "sqlite" else "TRUNCATE audit_records"
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), write(engine) as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "change", ["actor = 'Bob'", "data = '{\"n\":7}'", "at = at + 1", "subject = 'x'", "kind = 'k'", "hash = 'f'"]
)
def test_a_record_that_was_changed_by_force_is_named(engine: sa.Engine, change: str) -> None:
    append(engine, 5)
    by_force(engine, f"UPDATE audit_records SET {change} WHERE number = 3")
    assert found_broken(engine) == 3


def test_a_record_that_was_removed_by_force_is_named(engine: sa.Engine) -> None:
    append(engine, 5)
    by_force(engine, "DELETE FROM audit_records WHERE number = 3")
    assert found_broken(engine) == 3


def test_a_cut_tail_shows_when_a_later_head_is_known(engine: sa.Engine) -> None:
    append(engine, 5)
    head = stored(engine, audit_records)[-1].hash
    assert found_broken(engine, head) is None
    append(engine, 1)
    assert found_broken(engine, head) is None, "the chain may have grown since"
    by_force(engine, "DELETE FROM audit_records WHERE number > 3")
    assert found_broken(engine) is None, "by itself a shorter chain holds"
    assert found_broken(engine, head) == 4


def test_a_record_is_there_only_if_its_transaction_is(engine: sa.Engine) -> None:
    append(engine, 1)
    with write(engine, keep=False) as connection:
        audit.record(connection, "test.undone", "x", "Ann", NOW, {})
    append(engine, 1)
    assert [row.kind for row in stored(engine, audit_records)] == ["test.done", "test.done"]
    assert found_broken(engine) is None


def test_many_writers_at_once_leave_one_chain_without_gaps(url: str) -> None:
    def work() -> None:
        append(open_store(url), 20)

    open_store(url).dispose()
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    engine = open_store(url)
    assert [row.number for row in stored(engine, audit_records)] == list(range(1, 81))
    assert found_broken(engine) is None


def test_a_writer_that_waited_sees_what_the_one_before_it_wrote(engine: sa.Engine) -> None:
    ready = threading.Event()

    def second() -> None:
        ready.set()
        append(engine, 1)

    with write(engine) as connection:
        audit.record(connection, "test.first", "x", "Ann", NOW, {})
        thread = threading.Thread(target=second)
        thread.start()
        ready.wait()
        thread.join(0.2)
    thread.join()
    assert [row.kind for row in stored(engine, audit_records)] == ["test.first", "test.done"]


def test_a_transaction_that_has_others_beside_it_takes_no_audit_record(engine: sa.Engine) -> None:
    with write(engine, alone=False) as connection, pytest.raises(RuntimeError, match="stands alone"):
        audit.record(connection, "test.done", "x", "Ann", NOW, {})


CHANGES: dict[str, Callable[[list[Record], int], list[Record]]] = {
    "changed": lambda records, at: [*records[:at], replace(records[at], actor="Bob"), *records[at + 1 :]],
    "removed": lambda records, at: records[:at] + records[at + 1 :],
    "doubled": lambda records, at: records[: at + 1] + records[at:],
    "put after the next": lambda records, at: [*records[:at], *reversed(records[at : at + 2]), *records[at + 2 :]],
}


@given(st.integers(2, 12), st.data())
def test_whatever_is_done_to_one_record_the_first_that_does_not_follow_is_named(
    length: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, length - 2))
    change = CHANGES[data.draw(st.sampled_from(sorted(CHANGES)))]
    broken = first_broken(change(chain(length), at))
    assert broken is not None
    assert broken.number in {at + 1, at + 2}
