"""Alerts in real processes: killed between sending and marking, and a daemon whose buttons and heartbeat work."""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from providers.simulators.server import Reply, SimulatedServer
from providers.simulators.telegram import TOKEN, TelegramSimulator
from reconciler.schema_alerts import alerts
from reconciler.schema_told import outbox
from reconciler.store.alerts import raise_alert, resolve
from reconciler.store.engine import open_store, write
from tests.alert_world import ANN, CHAT, KILLED_CHATS, deliver, telling_at
from tests.deliveries import Workers
from tests.main_job import Stage, staged
from tests.stores import stored, url
from tests.test_webhook_daemon import free_port

__all__ = ["url"]


class Heartbeat(SimulatedServer):
    """A watcher outside."""

    def handle(self, method: str, path: str, query: Any, body: bytes) -> Reply:
        """Take a ping."""
        return 200, {}, b"OK"


def until(condition: Callable[[], Any], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait until something holds, while a process runs."""
    deadline = time.monotonic() + 90
    while not condition():
        assert process is None or process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def notices(engine: sa.Engine, numbers: range) -> None:
    """Raise a critical alert for each number."""
    with write(engine) as connection:
        for number in numbers:
            raise_alert(connection, f"n{number}", "critical", f"Notice {number}.", "Look.", datetime.now(UTC))


def told(telegram: TelegramSimulator) -> Counter[tuple[str, str]]:
    """How often each chat got each notice."""
    return Counter((one.chat_id, one.versions[0].split(".")[0]) for one in telegram.posted)


def drain(engine: sa.Engine, telegram: TelegramSimulator, *chats: int) -> None:
    """Deliver what is left, the waits skipped."""
    at = datetime.now(UTC)
    while any(row.state == "todo" for row in stored(engine, outbox)):
        deliver(engine, telling_at(telegram.url, *chats), at)
        at += timedelta(minutes=1)
        assert at < datetime.now(UTC) + timedelta(hours=3)


def test_a_kill_between_sending_and_marking_costs_one_repeat_and_edits_reach_what_stands(url: str) -> None:
    engine = open_store(url)
    with TelegramSimulator(KILLED_CHATS) as telegram, Workers() as workers:
        notices(engine, range(1))
        telegram.fault(telegram.method("sendMessage"), "late", 4, seconds=30)
        pid = workers.start(url, telegram.url, "alerts")
        until(lambda: len(telegram.posted) == 4)
        workers.kill(pid)
        drain(engine, telegram, *KILLED_CHATS)
        assert set(told(telegram).values()) == {2}
        assert len({one.versions[0].split("Alert ")[1][:8] for one in telegram.posted}) == 1, "the same alert each time"
        with write(engine) as connection:
            resolve(connection, connection.execute(sa.select(alerts.c.id)).scalar_one(), datetime.now(UTC))
        drain(engine, telegram, *KILLED_CHATS)
        newest = {one.chat_id: one for one in telegram.posted}
        assert all("Resolved" in one.text for one in newest.values())


def kill_again_and_again(url: str, times: int, each: int) -> None:
    """Kill a delivering process so many times; everything arrives, with at most one repeat per chat and kill."""
    pick, engine, lost = random.Random(7), open_store(url), 0
    with TelegramSimulator(KILLED_CHATS) as telegram, Workers() as workers:
        for number in range(times):
            notices(engine, range(number * each, (number + 1) * each))
            for _ in range(6):
                kind: Any = pick.choice(("late", "lost", "status", "reset", "retry_after"))
                telegram.fault(telegram.method("sendMessage"), kind, skip=pick.randrange(3), seconds=0.1, status=502)
            planned = sum(fault.kind == "lost" for fault in telegram._faults)
            pid = workers.start(url, telegram.url, "alerts")
            enough = len(telegram.calls) + pick.randrange(1, 8)
            deadline = time.monotonic() + 4
            while len(telegram.calls) < enough and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(pick.uniform(0.0, 0.1))
            workers.kill(pid)
            lost += planned - sum(fault.kind == "lost" and fault.times > 0 for fault in telegram._faults)
            telegram.clear_faults()
            with write(engine) as connection:
                connection.execute(sa.update(outbox).values(due_at=datetime.now(UTC)))
        drain(engine, telegram, *KILLED_CHATS)
        got = told(telegram)
        assert set(got) == {(str(chat), f"<b>🔴 Notice {n}") for chat in KILLED_CHATS for n in range(times * each)}
        repeats = sum(got.values()) - len(got)
        assert repeats <= times * len(KILLED_CHATS) + lost, "a kill costs each chat one, a lost answer one"


def test_five_kills_lose_no_alert(tmp_path: Path) -> None:
    kill_again_and_again(f"sqlite:///{tmp_path}/s.db", 5, 2)


@pytest.mark.long
def test_fifty_kills_lose_no_alert(url: str) -> None:
    kill_again_and_again(url, 50, 2)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One small world for the daemon."""
    with staged(tmp_path_factory.mktemp("world"), days=3, charges=6) as world:
        yield world


def test_the_daemon_alerts_hears_its_buttons_beats_and_says_how_it_is(stage: Stage) -> None:
    port = free_port()
    with TelegramSimulator() as telegram, Heartbeat() as watcher:
        url = stage.url("alerting")
        process = stage.start(url, "daemon", **environment(telegram, watcher, port))
        try:
            until(lambda: telegram.posted, process)
            posted = telegram.posted[0]
            telegram.press(posted, "Acknowledge", user=13)
            telegram.press(posted, "Acknowledge", user=ANN)
            until(lambda: len(telegram.answers) == 2, process)
            assert telegram.answers[0].startswith("You may not")
            assert telegram.answers[1] == "Acknowledged."
            until(lambda: "Acknowledged by ann" in posted.text, process)
            until(lambda: watcher.called("/ping/reconcile"), process)
            ready = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).json()
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    pings = [call.path for call in watcher.calls]
    assert {"/ping/pull/start", "/ping/pull", "/ping/reconcile/start", "/ping/reconcile"} <= set(pings)
    assert {ready[name] for name in ("jobs", "outbox", "alerts")} == {"ok"}
    assert TOKEN not in said
    listed = json.loads(stage.run(url, "alerts", "list", "--json").stdout)
    assert "acknowledged" in {one["state"] for one in listed}


def environment(telegram: TelegramSimulator, watcher: Heartbeat, port: int) -> dict[str, str]:
    """The settings of a daemon that alerts."""
    names = {
        "ALERTS__TELEGRAM__TOKEN": TOKEN,
        "ALERTS__TELEGRAM__CHAT_IDS": str(CHAT),
        "ALERTS__TELEGRAM__USER_IDS": str(ANN),
        "ALERTS__TELEGRAM__API_BASE": telegram.url,
        "ALERTS__HEARTBEAT_URL": f"{watcher.url}/ping/{{job}}",
        "WEB__PORT": str(port),
    }
    return {f"RECONCILER_{name}": value for name, value in names.items()}
