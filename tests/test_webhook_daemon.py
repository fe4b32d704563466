"""The real daemon takes webhooks in: killed again and again, told to stop, and watched by systemd."""

import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from providers.simulators.push import post
from tests.webhook_world import KEY, event, signed

COMMAND = str(Path(sys.executable).parent / "reconciler")
CONFIG = f"""
[database]
url = "URL"
[providers.tribute]
api_key = "{KEY}"
base_url = "http://127.0.0.1:9/api/v1"
[shop]
directory = "shop"
[schedule]
pull = "0 3 * * *"
reconcile = "0 3 * * *"
"""
ENVIRONMENT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@pytest.fixture(params=["sqlite", "postgresql"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A configuration, with an empty shop."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/s.db" if sqlite else request.getfixturevalue("postgres_store")
    heads = "order_id,amount,currency,status,created_at,delivered_at,updated_at"
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.csv").write_text(heads + "\n")
    (tmp_path / "shop" / "accounts.csv").write_text("account_id,email,telegram_user_id,status,balance,updated_at\n")
    (tmp_path / "config.toml").write_text(CONFIG.replace("URL", url))
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Daemon:
    """`reconciler daemon` on one port, as often as it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/tribute"

    def start(self, **environment: str) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "daemon"],
                cwd=self.folder,
                env=os.environ | ENVIRONMENT | {"RECONCILER_WEB__PORT": str(self.port)} | environment,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 60
        while post(self.url, {}, b"") != 401:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()


@contextmanager
def daemon(folder: Path, **environment: str) -> Iterator[Daemon]:
    made = Daemon(folder)
    made.start(**environment)
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill()


def listed(folder: Path, *more: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [COMMAND, "webhooks", "list", "--json", *more], cwd=folder, capture_output=True, check=True, env=os.environ
    )
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows


def sale(number: int) -> bytes:
    payload = {"product_id": 1, "amount": 500, "currency": "usd", "purchase_id": number, "transaction_id": number}
    return json.dumps(event("new_digital_product", payload)).encode()


@pytest.mark.parametrize(
    ("folder", "events", "kills"), [("sqlite", 250, 5), ("postgresql", 60, 2)], indirect=["folder"]
)
def test_events_under_kills_are_all_there_once_and_nothing_else(folder: Path, events: int, kills: int) -> None:
    killed_at = set(random.Random(5).sample(range(10, events - 10), kills))
    acknowledged: set[str] = set()
    sent: set[str] = set()
    with daemon(folder) as one:
        waiting = list(range(1, events + 1))
        count = 0
        while waiting:
            number = waiting.pop(0)
            sent.add(str(number))
            status = post(one.url, signed(sale(number)), sale(number), timeout_s=5)
            count += 1
            if status == 200:
                acknowledged.add(str(number))
            else:
                waiting.append(number)  # the provider tries again
            if count in killed_at:
                one.kill()
                lost = post(one.url, signed(sale(number)), sale(number), timeout_s=1)
                assert lost == 0
                one.start()
        assert one.stop() == 0
        assert "Traceback" not in one.log
    rows = listed(folder)
    assert acknowledged == sent
    assert sorted(str(row["ref"]) for row in rows) == sorted(sent)


@pytest.mark.parametrize("folder", ["sqlite"], indirect=True)
class TestOnSqlite:
    """What is the same on every database."""

    def test_it_serves_stops_on_sigterm_with_0_and_keeps_what_it_answered(self, folder: Path) -> None:
        with daemon(folder) as one:
            assert post(one.url, signed(sale(1)), sale(1)) == 200
            base = one.url.removesuffix("/webhooks/tribute")
            assert post(base + "/healthz", {}, b"", method="GET") == 200
            assert post(base + "/readyz", {}, b"", method="GET") == 503, "no feed was read yet"
            assert post(base + "/metrics", {}, b"", method="GET") == 200
            until = time.monotonic() + 30
            while [row["state"] for row in listed(folder)] != ["done"] and time.monotonic() < until:
                time.sleep(0.3)
            assert [row["state"] for row in listed(folder)] == ["done"], one.log
            assert one.stop() == 0
        with sqlite3.connect(folder / "s.db") as raw:
            assert raw.execute("SELECT ref FROM transactions").fetchall() == [("1",)]

    def test_systemd_is_told_ready_alive_and_stopping(self, folder: Path) -> None:
        path = folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(path))
            systemd.settimeout(20)
            with daemon(folder, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="400000") as one:
                assert systemd.recv(100) == b"READY=1"
                assert {systemd.recv(100) for _ in range(3)} == {b"WATCHDOG=1"}
                assert one.stop() == 0
                said = {systemd.recv(100)}
                while b"STOPPING=1" not in said:
                    said.add(systemd.recv(100))

    def test_a_port_that_is_taken_is_one_line_and_exit_2(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = subprocess.run(
                [COMMAND, "daemon"],
                cwd=folder,
                env=os.environ | {"RECONCILER_WEB__PORT": port},
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 2
        assert re.fullmatch(r"reconciler: \[web\] cannot listen on 127\.0\.0\.1 port \d+ .*\n", done.stderr), (
            done.stderr
        )

    def test_a_slow_sender_and_a_thousand_idle_ones_keep_nobody_out(self, folder: Path) -> None:
        with daemon(folder) as one:
            idle = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(300)]
            for place, half in enumerate(idle):
                half.sendall(
                    b"POST /webhooks/tribute HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"[: 20 + place % 70]
                )
            assert post(one.url, signed(sale(1)), sale(1)) == 200
            for half in idle:
                half.close()
            assert one.stop() == 0


@pytest.mark.parametrize("folder", ["sqlite"], indirect=True)
def test_kills_in_the_middle_of_deliveries_lose_nothing_that_was_acknowledged(folder: Path) -> None:
    """Four senders at once, and a killer who does not look."""
    acknowledged: set[str] = set()
    stopping = threading.Event()

    def send(first: int) -> None:
        number = first
        while not stopping.is_set():
            if post(one.url, signed(sale(number)), sale(number), timeout_s=5) == 200:
                acknowledged.add(str(number))
                number += 4

    with daemon(folder) as one:
        senders = [threading.Thread(target=send, args=(first,)) for first in (1, 2, 3, 4)]
        for sender in senders:
            sender.start()
        for _ in range(2):
            time.sleep(0.7)
            one.kill()
            one.start()
        stopping.set()
        for sender in senders:
            sender.join()
        assert one.stop() == 0
    refs = [str(row["ref"]) for row in listed(folder)]
    assert len(refs) == len(set(refs))
    assert acknowledged <= set(refs)
    assert len(set(refs) - acknowledged) <= 4 * 3, "at most what was on its way at a kill"
