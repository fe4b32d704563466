"""What delivery never does, whoever answers: follow, read on, wait on, send late, or go another way."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.dispatch import Delivered
from providers.simulators.receiver import CommandReceiver
from reconciler.errors import Retryable
from reconciler.http import post_once
from tests.deliveries import decided, deliver, dispatch, only, receiver, settings_for, soon
from tests.stores import engine, url

__all__ = ["engine", "receiver", "url"]


@contextmanager
def elsewhere(status: int, headers: dict[str, str], body: bytes = b"", pause_s: float = 0.0) -> Iterator[str]:
    """A server that answers every POST alike, each byte of the head after a pause."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode()
            try:
                for at in range(len(head) if pause_s else 0):
                    self.wfile.write(head[at : at + 1])
                    time.sleep(pause_s)
                self.wfile.write(b"" if pause_s else head)
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/commands"
    finally:
        server.shutdown()
        server.server_close()


def test_a_redirect_is_not_followed(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1")
    with elsewhere(308, {"Location": receiver.address}) as address:
        assert dispatch(settings_for(address), engine, now=soon) == Delivered(failed=1)
    assert receiver.calls == []


def test_a_huge_answer_is_not_read_and_never_shown(engine: sa.Engine) -> None:
    decided(engine, "a1")
    with elsewhere(200, {"Content-Length": str(10**12)}, b"<script>" * 1000) as address:
        assert dispatch(settings_for(address), engine, now=soon) == Delivered(sent=1)
    assert only(engine).note == "answered 200"


def test_an_answer_that_trickles_is_cut_off_at_the_fixed_moment() -> None:
    with elsewhere(200, {"X-Padding": "x" * 1000}, pause_s=0.05) as address:
        began = time.monotonic()
        with pytest.raises(Retryable, match="no answer"):
            post_once(address, b"{}", {}, begin_by_s=began + 1, end_by_s=began + 0.5)
    assert time.monotonic() - began < 20, "its head alone would have taken 50 s"


def test_a_process_that_was_held_up_past_its_time_sends_nothing(receiver: CommandReceiver) -> None:
    late = time.monotonic() - 1
    with pytest.raises(Retryable, match="not sent"):
        post_once(receiver.address, b"{}", {}, begin_by_s=late, end_by_s=late + 20)
    assert receiver.calls == []


def test_proxies_of_the_environment_are_not_used(
    engine: sa.Engine, receiver: CommandReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    decided(engine, "a1")
    assert deliver(engine, receiver) == Delivered(sent=1)
