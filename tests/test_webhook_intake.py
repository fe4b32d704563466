"""The way in keeps its limits, answers 200 only after a commit, and says when it cannot."""

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import structlog

from reconciler.store.engine import open_store
from reconciler.web import body as limits
from reconciler.web import desk as desk_limits
from reconciler.web import health
from tests.builders import NOW, World, charge
from tests.stores import engine, url
from tests.webhook_world import intake, sample_event, signed, stored

__all__ = ["engine", "url"]
BODY = json.dumps(sample_event("shop_order")).encode()


@pytest.fixture
def sqlite(tmp_path: Path) -> sa.Engine:
    return open_store(f"sqlite:///{tmp_path}/s.db")


def test_a_delivery_is_stored_before_it_is_answered(engine: sa.Engine) -> None:
    with intake(engine) as way:
        answer = way.post(BODY)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        (row,) = stored(engine)
    assert (bytes(row["body"]), row["name"], row["state"], row["deliveries"]) == (BODY, "shop_order", "waiting", 1)
    assert "trbt-signature" in row["headers"]


def test_the_dashboards_test_event_gets_200(engine: sa.Engine) -> None:
    with intake(engine) as way:
        assert way.post(b'{"test_event":"test_event"}').status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"no json", b'{"name":', b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a":1e999']
)
def test_what_is_signed_and_no_json_gets_400_and_leaves_nothing(sqlite: sa.Engine, body: bytes) -> None:
    with intake(sqlite) as way:
        assert way.post(body).status_code == 400
    assert stored(sqlite) == []


@pytest.mark.parametrize("body", [b"[]", b"{}", b"17", b"null", b'"text"', b'{"name": 5}', b'{"name":"","payload":[]}'])
def test_json_that_is_no_event_is_kept_and_answered_200(sqlite: sa.Engine, body: bytes) -> None:
    with intake(sqlite) as way:
        assert way.post(body).status_code == 200
    assert len(stored(sqlite)) == 1


def test_a_repeat_is_counted_and_not_stored_again(engine: sa.Engine) -> None:
    again = json.dumps(sample_event("shop_order") | {"sent_at": "2025-03-20T01:20:00Z"}).encode()
    with intake(engine) as way:
        for body in (BODY, again, BODY):
            assert way.post(body).status_code == 200
    (row,) = stored(engine)
    assert (row["deliveries"], bytes(row["body"])) == (3, BODY)


def test_repeats_in_one_commit_are_counted_too(engine: sa.Engine) -> None:
    async def at_once() -> list[int]:
        transport = httpx.ASGITransport(app=way.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            sent = [client.post("/webhooks/tribute", content=BODY, headers=signed(BODY)) for _ in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*sent)]

    with intake(engine) as way:
        assert asyncio.run(at_once()) == [200] * 20
    assert [row["deliveries"] for row in stored(engine)] == [20]


def test_too_large_is_refused_by_its_announced_length_and_while_it_streams(sqlite: sa.Engine) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 16_384

    with intake(sqlite) as way:
        assert way.post(b" " * (limits.MAX_BYTES + 1)).status_code == 413
        assert way.post(b"{}" + b" " * (limits.MAX_BYTES - 2)).status_code == 200
        answer = way.call("POST", "/webhooks/tribute", content=endless(), headers={"trbt-signature": "0" * 64})
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        assert way.call("GET", "/webhooks/digiseller?id_i=" + "1" * 20_000).status_code == 413


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "gzip, identity", "IDENTITY, gzip"])
def test_a_compressed_body_is_refused_unread(sqlite: sa.Engine, coding: str) -> None:
    with intake(sqlite) as way:
        assert way.post(BODY, signed(BODY) | {"content-encoding": coding}).status_code == 415
        assert way.post(BODY, signed(BODY) | {"content-encoding": "identity"}).status_code == 200


def test_a_body_that_does_not_end_is_cut_off(sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DEADLINE_S", 0.2)

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    with intake(sqlite) as way:
        assert way.call("POST", "/webhooks/tribute", content=trickle()).status_code == 408


def test_storage_that_fails_answers_503_with_a_time_to_come_again(tmp_path: Path, sqlite: sa.Engine) -> None:
    with intake(sqlite) as way:
        with sqlite3.connect(tmp_path / "s.db") as raw:
            raw.execute("ALTER TABLE webhooks RENAME TO gone")
        answer = way.post(BODY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        with sqlite3.connect(tmp_path / "s.db") as raw:
            raw.execute("ALTER TABLE gone RENAME TO webhooks")
        assert way.post(BODY).status_code == 200, "it goes on by itself"


def test_a_full_disk_answers_503_and_works_again_when_there_is_room(sqlite: sa.Engine) -> None:
    def limit(pages: int) -> None:
        with sqlite.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with intake(sqlite) as way:
        assert way.post(BODY).status_code == 200
        sa.event.listen(sqlite, "connect", lambda raw, _record: raw.execute("PRAGMA max_page_count = 1"))
        sqlite.dispose()
        big = json.dumps(sample_event("new_donation") | {"fill": "x" * 200_000}).encode()
        assert way.post(big).status_code == 503
        sa.event.listen(sqlite, "connect", lambda raw, _record: raw.execute("PRAGMA max_page_count = 1000000"))
        sqlite.dispose()
        assert way.post(big).status_code == 200
    limit(1_000_000)


def test_a_writer_that_is_kept_waiting_makes_the_sender_come_again_and_then_stores_once(
    tmp_path: Path, sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_limits, "PATIENCE_S", 0.3)
    raw = sqlite3.connect(tmp_path / "s.db", isolation_level=None, check_same_thread=False)
    with intake(sqlite) as way:
        raw.execute("BEGIN IMMEDIATE")
        assert way.post(BODY).status_code == 503
        raw.execute("COMMIT")
        monkeypatch.setattr(desk_limits, "PATIENCE_S", 5.0)
        assert way.post(BODY).status_code == 200
    assert len(stored(sqlite)) == 1


def test_past_the_limit_of_waiting_deliveries_the_next_is_asked_to_come_again(
    tmp_path: Path, sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_limits, "MAX_WAITING", 5)
    raw = sqlite3.connect(tmp_path / "s.db", isolation_level=None, check_same_thread=False)

    async def flood() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=way.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            sent = []
            for number in range(20):
                body = json.dumps(sample_event("new_digital_product") | {"sent_at": str(number)}).encode()
                sent.append(asyncio.create_task(client.post("/webhooks/tribute", content=body, headers=signed(body))))
            await asyncio.sleep(0.3)
            raw.execute("COMMIT")
            return await asyncio.gather(*sent)

    with intake(sqlite) as way:
        raw.execute("BEGIN IMMEDIATE")
        answers = asyncio.run(flood())
        assert way.post(BODY).status_code == 200, "back to normal at once"
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [503] * 15
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)


def test_what_waits_when_the_desk_closes_is_stored(sqlite: sa.Engine) -> None:
    with intake(sqlite) as way:
        thread = threading.Thread(target=way.post, args=(BODY,))
        thread.start()
        thread.join()
    assert len(stored(sqlite)) == 1
    structlog.reset_defaults()


def test_there_are_no_pages_that_load_from_elsewhere(sqlite: sa.Engine) -> None:
    with intake(sqlite) as way:
        assert [way.call("GET", path).status_code for path in ("/docs", "/redoc", "/")] == [404, 404, 404]
        document = way.call("GET", "/api/v1/openapi.json").json()
    assert set(document["paths"]) == {"/webhooks/tribute", "/webhooks/digiseller", "/healthz", "/readyz"}


def test_outcomes_are_counted_for_prometheus(sqlite: sa.Engine) -> None:
    with intake(sqlite) as way:
        way.post(BODY)
        way.post(BODY, {})
        way.post(b"no json")
        text = way.call("GET", "/metrics").text
    for outcome in ("stored", "bad_signature", "not_json"):
        assert f'reconciler_webhooks_total{{outcome="{outcome}",provider="tribute"}} 1.0' in text
    assert "reconciler_webhooks_waiting 1.0" in text
    assert "reconciler_database_up 1.0" in text
    assert 'reconciler_outbox_entries{channel="command",state="todo"} 0.0' in text


def test_every_figure_that_the_guide_names_is_told_to_prometheus(sqlite: sa.Engine) -> None:
    guide = (Path(__file__).parent.parent / "docs" / "webhooks.md").read_text()
    named = set(re.findall(r"`(reconciler_[a-z_]+)`", guide))
    world = World(sqlite).complete().add(charge(provider="tribute", ref="9"))
    world.judge()
    with intake(sqlite) as way:
        way.post(BODY)
        text = way.call("GET", "/metrics").text
    told = set(re.findall(r"# TYPE (\S+)", text))
    assert len(named) >= 8
    assert named <= told
    assert 'reconciler_feed_age_seconds{feed="tribute.sales"}' in text
    assert 'reconciler_findings_open{kind="undelivered_order"' in text


def test_ready_means_that_every_main_feed_was_read_lately(sqlite: sa.Engine) -> None:
    hour, names = timedelta(hours=1), ("tribute.sales", "digiseller.sales")
    assert health.feeds(sqlite, names, hour, NOW) == "not read lately: tribute.sales, digiseller.sales"
    World(sqlite).complete("tribute.sales")
    assert health.feeds(sqlite, names, hour, NOW) == "not read lately: digiseller.sales"
    World(sqlite).complete()
    assert health.feeds(sqlite, names, hour, NOW) is None
    assert health.feeds(sqlite, names, hour, NOW + 2 * hour) is not None
    with intake(sqlite) as way:
        assert way.call("GET", "/readyz").json() == {"ready": True}
