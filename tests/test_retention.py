"""Retention: what is too old goes once a day, what an open case rests on stays, and the audit says how much it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

import jobs.retention
from jobs.retention import remove_outdated
from reconciler.errors import Retryable
from reconciler.model import Page, RawRecord
from reconciler.schema import raw_records
from reconciler.schema_books import leases
from reconciler.schema_replay import kept_texts, replay_bases
from reconciler.schema_told import audit_records
from reconciler.settings import Settings
from reconciler.store import named, retention
from reconciler.store.cases import charge_root, open_case
from reconciler.store.engine import read, write
from reconciler.store.facts import save_page
from reconciler.store.lease import held
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEPT = timedelta(days=400)


def raw(provider: str, source: str, key: str, body: Any = "x") -> RawRecord:
    """A record as it was received."""
    return RawRecord(provider, source, key, body)


@pytest.fixture
def aged(engine: sa.Engine) -> sa.Engine:
    """A store with records that are too old and one that is a moment younger, and an open case of one charge."""
    old = [
        *(raw("digiseller", "digiseller.sales", ref) for ref in ("1", "2")),
        raw("tribute", "tribute.transactions", "2:77"),
        raw("digiseller", "digiseller.details", "2:more"),
        raw("digiseller", "digiseller.receipts", "900", {"invoice_id": "2"}),
        raw("digiseller", "import.digiseller", "3"),
    ]
    with write(engine) as connection:
        save_page(connection, Page("x", raws=tuple(old)), NOW - KEPT - timedelta(microseconds=1))
        save_page(connection, Page("x", raws=(raw("digiseller", "digiseller.sales", "4"),)), NOW - KEPT)
        open_case(connection, charge_root("digiseller", "2"), NOW, key=("digiseller", "2"), note="")
    return engine


def keys(engine: sa.Engine) -> list[tuple[str, str]]:
    """What is left."""
    with read(engine) as connection:
        rows = connection.execute(sa.select(raw_records.c.provider, raw_records.c.key))
        return sorted((provider, key) for provider, key in rows)


def test_what_is_too_old_goes_except_for_open_cases_and_imports(aged: sa.Engine) -> None:
    assert remove_outdated(Settings(), aged, NOW) == {"raw_records": 2, "readings": 1, "webhooks": 0}
    assert keys(aged) == [("digiseller", key) for key in ("2", "2:more", "3", "4", "900")]
    with read(aged) as connection:
        query = sa.select(audit_records.c.data).where(audit_records.c.kind == "records.removed")
        (said,) = connection.execute(query).scalars()
    assert '"raw_records":2' in said


def test_it_is_done_once_a_day(aged: sa.Engine) -> None:
    remove_outdated(Settings(), aged, NOW)
    assert remove_outdated(Settings(), aged, NOW + timedelta(hours=23)) == {}
    assert remove_outdated(Settings(), aged, NOW + timedelta(days=1))["raw_records"] == 1


def test_what_comes_to_be_needed_while_it_is_looked_for_stays(aged: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is read beside those who write: here somebody does, between the look and the removal."""

    def look(connection: sa.Connection, before: datetime) -> Any:
        found = retention.find_old(connection, before)
        with write(aged) as beside:
            again = replace(raw("digiseller", "digiseller.sales", "1"), read_at=NOW)
            save_page(beside, Page("x", raws=(again,)), NOW)
        return found

    monkeypatch.setattr(jobs.retention, "find_old", look)
    assert remove_outdated(Settings(), aged, NOW)["raw_records"] == 1
    assert ("digiseller", "1") in keys(aged)


def test_what_the_log_names_is_found_page_by_page_and_each_kept_text_is_read_once(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named, "_PAGE", 5)
    monkeypatch.setattr(named, "_BATCH", 7)
    for number in range(30):
        first = number % 15
        shown = [replace(raw("tribute", "x", str(first + more)), read_at=NOW) for more in range(30)]
        with write(engine) as connection:
            save_page(connection, Page("x", raws=tuple(shown)), NOW)
    ids = sorted(row.id for row in stored(engine, raw_records))
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    with read(engine) as connection:
        named.find_named(connection, 0, last_record=ids[39])
        looks = [one for one in asked if "kept_texts.text" in one]
        assert sorted(connection.execute(sa.select(named.records.c.id)).scalars()) == ids[:40]
        digests = set(connection.execute(sa.select(named.texts.c.digest)).scalars())
    assert digests == {row.digest for row in stored(engine, kept_texts)}
    assert (len(digests), len(looks)) == (15, 30 // 5), "one query for each page of the log, and none for each text"


@pytest.mark.parametrize("paused", ["find_old", "take_base"])
def test_who_lost_the_lease_meanwhile_removes_nothing_and_keeps_no_base(
    aged: sa.Engine, monkeypatch: pytest.MonkeyPatch, paused: str
) -> None:
    """Else a base that was read before somebody erased a buyer would bring the buyer back."""
    done = getattr(jobs.retention, paused)

    def pause(*given: Any, **more: Any) -> Any:
        with write(aged, alone=False) as beside:
            beside.execute(sa.update(leases).values(epoch=leases.c.epoch + 1))
        return done(*given, **more)

    monkeypatch.setattr(jobs.retention, paused, pause)
    before = keys(aged)
    with held(aged) as lease, pytest.raises(Retryable, match="took over"):
        remove_outdated(Settings(), aged, NOW, lease=lease)
    assert keys(aged) == before
    assert len(stored(aged, replay_bases)) == (paused == "find_old")
