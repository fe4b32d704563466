"""`reconciler webhooks`: what came, what became of it, once more, and the way in tried out."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
import uvicorn

from providers import build_receivers
from reconciler.schema import quarantine, transactions
from reconciler.schema_told import audit_records
from reconciler.schema_webhooks import webhooks
from reconciler.settings import Settings
from reconciler.store.engine import open_store, read, write
from reconciler.web.app import build_app
from reconciler.web.desk import Desk
from tests.builders import NOW
from tests.cli_world import Program, program
from tests.webhook_world import KEY, PASSWORD, Pushed, both, event, facts, sample_event

__all__ = ["program"]
CONFIG = f"""
[providers.tribute]
base_url = "http://127.0.0.1:9/api/v1"
api_key = "{KEY}"
[providers.digiseller]
base_url = "http://127.0.0.1:9/"
seller_id = 1
api_key = "k"
notification_password = "{PASSWORD}"
[shop]
directory = "exports"
[web]
port = PORT
"""


@pytest.fixture
def pushed(program: Program) -> Pushed:
    """A configured folder with a few events in its store."""
    program.configure(CONFIG.replace("PORT", "8080"))
    made = Pushed(open_store(f"sqlite:///{program.folder}/var/reconciler.db"))
    made.receive(
        sample_event("new_digital_product"), sample_event("shop_order_tokenized"), event("new_thing", {"a": 1})
    )
    return made.work()


def test_the_list_says_what_came_and_what_became_of_it(program: Program, pushed: Pushed) -> None:
    rows = program("webhooks", "list", "--json").json()
    assert [(row["name"], row["state"], row["ref"]) for row in rows] == [
        ("new_digital_product", "done", "78901"),
        ("shop_order", "looking", "550e8400-e29b-41d4-a716-446655440000"),
        ("new_thing", "unknown", None),
    ]
    assert rows[0]["late"] is True
    assert [row["name"] for row in program("webhooks", "list", "--state", "unknown", "--json").json()] == ["new_thing"]
    assert program("webhooks", "list", "--provider", "digiseller", "--json").json() == []
    assert [row["id"] for row in program("webhooks", "list", "--limit", "1", "--json").json()] == ["3"]
    assert "(late)" in program("webhooks", "list").out


def test_one_event_is_shown_in_full_without_tokens(program: Program, pushed: Pushed) -> None:
    shown = program("webhooks", "show", "2", "--json").json()
    assert shown["body"]["payload"]["amount"] == 100000
    assert "paymentToken" not in shown["body"]["payload"]
    assert "new_thing" in program("webhooks", "show", "3").out


def test_an_event_is_worked_through_again_on_demand(program: Program, pushed: Pushed) -> None:
    said = program("webhooks", "replay", "1", "--json")
    assert (said.code, said.json()["events"][0]["state"]) == (0, "done")
    assert [row["name"] for row in program("webhooks", "replay", "--json").json()["events"]] == ["new_thing"]
    with read(pushed.engine) as connection:
        query = sa.select(audit_records.c.subject).where(audit_records.c.kind == "webhook.replayed")
        assert list(connection.execute(query.order_by(audit_records.c.number)).scalars()) == ["1", "3"]


def test_an_event_whose_content_was_removed_is_not_read_again(program: Program, pushed: Pushed) -> None:
    with write(pushed.engine) as connection:
        emptied = {"body": b"", "query": b"", "headers": "[]"}
        connection.execute(sa.update(webhooks).where(webhooks.c.id == 1).values(emptied))
    said = program("webhooks", "replay", "1", "--json")
    assert (said.code, said.json()["events"][0]["state"]) == (0, "done")
    assert "raw_days has removed their content" in said.err
    assert [row["key"] for row in program("quarantine", "list", "--json").json()] == ["new_thing"]


def test_retrying_the_quarantine_reads_webhooks_again_with_what_is_understood_today(
    program: Program, pushed: Pushed
) -> None:
    with write(pushed.engine) as connection:  # as a version would leave it that does not understand the first event
        connection.execute(sa.delete(transactions))
        connection.execute(sa.update(webhooks).where(webhooks.c.id == 1).values(state="unreadable"))
        held = {"provider": "tribute", "source": "tribute.webhooks", "key": "78901", "reason": "x", "body": "{}"}
        connection.execute(sa.insert(quarantine).values(**held, first_seen_at=NOW))
    said = program("quarantine", "retry", "--json").json()
    assert (said["released"], said["kept"]) == (1, 1)
    assert [row["state"] for row in program("webhooks", "list", "--json").json()] == ["done", "looking", "unknown"]
    assert [row["key"] for row in program("quarantine", "list", "--json").json()] == ["new_thing"]
    assert "78901" in facts(pushed.engine)


@pytest.mark.parametrize("arguments", [("show", "99"), ("show", "x"), ("replay", "0"), ("list", "--state", "odd")])
def test_what_is_not_there_is_wrong_usage_in_one_line(
    program: Program, pushed: Pushed, arguments: tuple[str, ...]
) -> None:
    said = program("webhooks", *arguments)
    assert (said.code, len(said.lines)) == (64, 1)


@contextmanager
def serving(folder: Path, chosen: Settings) -> Iterator[int]:
    """The application on a real port."""
    engine = open_store(f"sqlite:///{folder}/var/reconciler.db")
    desk = Desk(engine, lambda: NOW)
    desk.start(0)
    app = build_app(engine, build_receivers(chosen), desk, {}, lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([taken])))
        thread.start()
        yield int(taken.getsockname()[1])
        server.should_exit = True
        thread.join()
    desk.stop()


@pytest.mark.parametrize("provider", ["tribute", "digiseller"])
def test_a_test_event_goes_the_whole_way(program: Program, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(program.folder, both()) as port:
        program.configure(CONFIG.replace("PORT", str(port)))
        said = program("webhooks", "send-test", "--provider", provider, "--json")
        assert (said.code, said.json()["status"]) == (0, 200), said.err
        assert [row["name"] for row in program("webhooks", "list", "--json").json()] == ["test_event"]
        program.configure(CONFIG.replace("PORT", str(port)).replace(KEY, "other").replace(PASSWORD, "other"))
        refused = program("webhooks", "send-test", "--provider", provider)
    assert refused.code == 2
    assert "another key" in refused.err


def test_a_test_event_to_nobody_is_one_line(program: Program) -> None:
    program.configure(CONFIG.replace("PORT", "9"))
    said = program("webhooks", "send-test")
    assert (said.code, len(said.lines)) == (2, 1)


def test_status_counts_events_with_work_left(program: Program, pushed: Pushed) -> None:
    state = json.loads(program("status", "--json").out)
    assert state["queues"]["webhooks"] == 1
