"""The store keeps what it acknowledged, one worker at a time, and the same on both databases."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs import slots
from reconciler.columns import UtcTime
from reconciler.errors import ConfigError, Retryable
from reconciler.model import Page, RawRecord, Status, Window
from reconciler.schema import feeds, orders, quarantine, raw_records, transactions
from reconciler.schema_books import leases
from reconciler.store import lease
from reconciler.store.engine import connect, open_store, read, write
from reconciler.store.facts import feed_rows, save_page
from reconciler.store.findings import findings_as_of, history
from reconciler.store.lease import held
from tests.builders import NOW, Quarantined, World, ago, charge, looked_up, order, refund
from tests.stores import engine, url

__all__ = ["engine", "url"]


def rows(engine: sa.Engine, table: sa.Table) -> list[Any]:
    """All rows of a table."""
    with read(engine) as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)))


def test_every_sqlite_connection_is_safe_against_power_cuts(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    with read(engine) as connection:
        wanted = {"synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000, "journal_mode": "wal"}
        for name, value in wanted.items():
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value


def test_a_time_without_zone_cannot_be_stored() -> None:
    with pytest.raises(ValueError, match="zone"):
        UtcTime().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001


def test_concurrent_updates_are_not_lost(engine: sa.Engine) -> None:
    World(engine).add(charge(amount_minor=0))

    def count_up() -> None:
        for _ in range(25):
            for _try in range(50):
                try:
                    with write(engine) as connection:
                        old = connection.execute(sa.select(transactions.c.amount_minor)).scalar_one()
                        connection.execute(sa.update(transactions).values(amount_minor=old + 1))
                    break
                except sa.exc.OperationalError:
                    continue

    workers = [threading.Thread(target=count_up) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert rows(engine, transactions)[0].amount_minor == 100


def test_a_page_is_stored_whole_or_not_at_all(engine: sa.Engine) -> None:
    bad = order(created_at=None)
    with pytest.raises(sa.exc.IntegrityError), write(engine) as connection:
        save_page(connection, Page("x", transactions=(charge(),), orders=(bad,)), NOW)
    assert rows(engine, transactions) == []


def test_an_older_version_of_an_order_does_not_replace_a_newer_one(engine: sa.Engine) -> None:
    World(engine).add(
        order(status="delivered", updated_at=ago(hours=1)), order(status="pending", updated_at=ago(hours=2))
    )
    assert rows(engine, orders)[0].status == "delivered"


def test_a_look_at_one_charge_does_not_change_what_the_list_said(engine: sa.Engine) -> None:
    World(engine).add(charge(amount_minor=1000)).add(charge(amount_minor=900, listed=False))
    assert rows(engine, transactions)[0].amount_minor == 1000
    World(engine).add(charge("2", amount_minor=900, listed=False)).add(charge("2", amount_minor=1000))
    assert rows(engine, transactions)[1].amount_minor == 1000


def test_a_completed_refund_never_falls_back_and_keeps_its_exact_time(engine: sa.Engine) -> None:
    exact, inferred = refund(occurred_at=ago(hours=3)), refund(occurred_at=ago(hours=1), occurred_exact=False)
    begun = refund(status=Status.INITIATED, seller_started=True, occurred_exact=False)
    for facts in ((begun, inferred, exact), (exact, inferred, begun)):
        World(engine).add(charge())
        for fact in facts:
            World(engine).add(fact)
        stored = next(row for row in rows(engine, transactions) if row.kind == "refund")
        assert (stored.status, stored.occurred_at, stored.seller_started) == ("completed", ago(hours=3), True)
        with write(engine) as connection:
            connection.execute(sa.delete(transactions))


def test_every_version_of_a_raw_record_is_kept_once(engine: sa.Engine) -> None:
    with write(engine) as connection:
        for body in ({"a": 1}, {"a": 1}, {"a": 2}):
            save_page(connection, Page("x", raws=(RawRecord("digiseller", "s", "1", body),)), NOW)
    assert [row.body for row in rows(engine, raw_records)] == ['{"a":1}', '{"a":2}']


def test_a_record_that_is_understood_later_leaves_quarantine(engine: sa.Engine) -> None:
    world = World(engine).add(Quarantined("shop", "shop.orders", "A1", "no amount", {}))
    assert rows(engine, quarantine)[0].released_at is None
    with write(engine) as connection:
        save_page(connection, Page("shop.orders", raws=(RawRecord("shop", "shop.orders", "A1", {"amount": 1}),)), NOW)
    assert rows(engine, quarantine)[0].released_at == NOW
    assert [row["kind"] for row in world.complete().open()] == []


def test_a_watermark_joins_windows_that_touch_and_ignores_one_apart(engine: sa.Engine) -> None:
    def drain(since: float, until: float) -> tuple[datetime, datetime]:
        with write(engine) as connection:
            save_page(connection, Page("f", drained=Window(ago(hours=since), ago(hours=until))), NOW)
            row = feed_rows(connection)["f"]
        return row.complete_since, row.complete_until

    assert drain(10, 8) == (ago(hours=10), ago(hours=8))
    assert drain(8, 6) == (ago(hours=10), ago(hours=6))
    assert drain(3, 1) == (ago(hours=10), ago(hours=6)), "the time between was never read"
    assert drain(12, 9) == (ago(hours=12), ago(hours=6))
    assert len(rows(engine, feeds)) == 1


def test_a_finding_is_opened_resolved_and_reopened_under_one_id(engine: sa.Engine) -> None:
    world = World(engine).complete().add(charge(), looked_up())
    first = world.open()
    world.add(order())
    assert world.open() == []
    world.add(order(status="cancelled", delivered_at=None, updated_at=NOW))
    again = world.open()
    assert [row["id"] for row in again] == [row["id"] for row in first]
    with read(engine) as connection:
        assert [event["event"] for event in history(connection, first[0]["id"])] == ["opened", "resolved", "reopened"]


def test_findings_can_be_read_as_of_an_earlier_time(engine: sa.Engine) -> None:
    world = World(engine).complete().add(charge(), looked_up())
    world.open()
    later = World(engine, now=NOW + timedelta(hours=1)).add(order())
    later.judge()
    with read(engine) as connection:
        assert [row["status"] for row in findings_as_of(connection, NOW + timedelta(minutes=1))] == ["open"]
        assert [row["status"] for row in findings_as_of(connection, NOW + timedelta(hours=2))] == ["resolved"]


def test_only_one_process_works_at_a_time(engine: sa.Engine) -> None:
    with held(engine), pytest.raises(Retryable, match="another reconciler"), held(engine):
        pass
    with held(engine):
        pass


def test_a_holder_whose_process_is_gone_is_replaced_at_once(engine: sa.Engine) -> None:
    host, pid, _ = lease.me().split("|")
    with write(engine) as connection:
        connection.execute(
            sa.insert(leases).values(
                name="work", holder=f"{host}|{pid}|0", epoch=5, expires_at=datetime.now(UTC) + timedelta(minutes=1)
            )
        )
    with held(engine) as taken:
        assert taken.epoch == 6


def test_a_holder_on_another_host_keeps_its_lease_until_it_ends(engine: sa.Engine) -> None:
    def put(minutes: float) -> None:
        with write(engine) as connection:
            connection.execute(sa.delete(leases))
            connection.execute(
                sa.insert(leases).values(
                    name="work",
                    holder="elsewhere|1|1",
                    epoch=5,
                    expires_at=datetime.now(UTC) + timedelta(minutes=minutes),
                )
            )

    put(1)
    with pytest.raises(Retryable, match="elsewhere"), held(engine):
        pass
    put(-0.01)
    with held(engine) as taken:
        assert taken.epoch == 6


def test_a_paused_holder_cannot_write_after_another_took_over(engine: sa.Engine) -> None:
    with held(engine) as paused:
        with write(engine) as connection:
            connection.execute(sa.update(leases).values(epoch=paused.epoch + 1))
        with pytest.raises(Retryable, match="took over"), write(engine) as connection:
            paused.guard(connection)


def test_a_slot_is_done_once_and_a_failed_one_is_taken_again(engine: sa.Engine) -> None:
    done: list[int] = []

    def fail() -> None:
        raise Retryable("down")

    with pytest.raises(Retryable):
        slots.perform(engine, "pull", NOW, fail, lambda: NOW)
    assert slots.unfinished(engine) == ["pull"]
    assert slots.perform(engine, "pull", NOW, lambda: done.append(1), lambda: NOW)
    assert not slots.perform(engine, "pull", NOW, lambda: done.append(1), lambda: NOW)
    assert done == [1]
    assert slots.unfinished(engine) == []


@pytest.mark.parametrize(
    ("url", "word"), [("nonsense", "no database address"), ("mysql://x/y", "not supported"), ("oracle://", "not supp")]
)
def test_an_address_that_is_no_store_is_refused_in_one_line(url: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        connect(url)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are only notes, written by hand, and long enough to be read as a header" * 20)
    with pytest.raises(ConfigError, match="no database of ours"):
        open_store(f"sqlite:///{path}")
    assert path.read_text().startswith("these are only notes")


def test_no_connection_is_left_open(engine: sa.Engine) -> None:
    World(engine).complete().add(charge(), order()).judge()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
