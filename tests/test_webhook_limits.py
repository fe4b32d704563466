"""Whoever sends what is no delivery costs little and keeps nobody out: forgers, crowds, and those who never finish."""

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import jobs.web
from providers.simulators.push import post
from reconciler.store.engine import open_store
from reconciler.web import connection, forgers
from reconciler.web.forgers import Forgers, address_of
from tests.builders import NOW, settings
from tests.webhook_world import KEY, PASSWORD, intake, sample_event, signed, stored

BODY = json.dumps(sample_event("shop_order")).encode()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_store(f"sqlite:///{tmp_path}/s.db")
    yield opened
    opened.dispose()


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"new_donation","created_at":"2026-11-20T10:00:00Z","payload":{"amount":1,"amount":100000}}',
        b'{"name":"new_donation","name":"new_digital_product","payload":{}}',
        b'{"payload":{"items":[{"a":1,"a":2}]}}',
    ],
)
def test_a_body_that_says_something_twice_is_refused_and_its_last_word_does_not_win(
    sqlite: sa.Engine, body: bytes
) -> None:
    with intake(sqlite) as way:
        assert way.post(body).status_code == 400
    assert stored(sqlite) == []


def test_a_notice_that_names_its_invoice_twice_is_refused(sqlite: sa.Engine) -> None:
    signature = hashlib.sha256(f"{PASSWORD.lower()};2;3".encode()).hexdigest()
    twice = f'{{"ID_I":1,"ID_I":2,"ID_D":3,"SHA256":"{signature}"}}'.encode()
    cases = f'{{"ID_I":1,"id_i":2,"ID_D":3,"SHA256":"{signature}"}}'.encode()
    with intake(sqlite) as way:
        assert [way.post(body, {}, "/webhooks/digiseller").status_code for body in (twice, cases)] == [401, 401]
        path = f"/webhooks/digiseller?id_i=1&id_i=2&id_d=3&sha256={signature}"
        assert way.call("GET", path).status_code == 401
    assert stored(sqlite) == []


def test_a_method_that_a_provider_does_not_use_is_refused(sqlite: sa.Engine) -> None:
    with intake(sqlite) as way:
        answer = way.call("GET", "/webhooks/tribute")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# Forgers


def test_many_forged_deliveries_are_answered_alike_with_less_work_and_a_true_one_from_there_gets_in(
    sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgers, "BURST", 5)
    monkeypatch.setattr(forgers, "PER_S", 0.0)
    with intake(sqlite) as way:
        answers = [way.post(BODY, {}) for _ in range(8)] + [way.post(BODY, {"trbt-signature": "0" * 64})]
        assert way.post(BODY).status_code == 200, "a true signature is never turned away"
        elsewhere = {"x-forwarded-for": "203.0.113.9, 198.51.100.7"}
        assert "connection" not in way.post(BODY, elsewhere).headers, "another address has a limit of its own"
        text = way.call("GET", "/metrics").text
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, b'{"error": "bad_signature"}')}
    assert [answer.headers.get("connection") for answer in answers] == [None] * 5 + ["close"] * 4
    assert 'reconciler_webhooks_total{outcome="bad_signature",provider="tribute"} 6.0' in text
    assert 'reconciler_webhooks_total{outcome="limited",provider="tribute"} 4.0' in text
    assert len(stored(sqlite)) == 1


def test_past_the_limit_an_unsigned_body_is_not_even_read(sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgers, "BURST", 1)

    async def never_read() -> Any:
        raise AssertionError("read")
        yield b""

    with intake(sqlite) as way:
        assert way.post(BODY, {}).status_code == 401
        answer = way.call("POST", "/webhooks/tribute", content=never_read(), headers={"trbt-signature": "short"})
        assert answer.status_code == 401
        assert way.call("GET", "/webhooks/digiseller?id_i=1").headers["connection"] == "close"


def test_an_address_gets_its_patience_back_and_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    ours = Forgers(lambda: now_s)

    def scope(number: int) -> dict[str, Any]:
        return {"client": (f"2001:db8:0:{number:x}::1", 1), "headers": []}

    for _ in range(forgers.BURST):
        ours.add(scope(1))
    assert ours.over(scope(1))
    assert not ours.over(scope(2))
    now_s = 1 / forgers.PER_S
    assert not ours.over(scope(1))
    monkeypatch.setattr(forgers, "MOST", 50)
    for number in range(200):
        ours.add(scope(number))
    assert len(ours._buckets) == 50


@pytest.mark.parametrize(
    ("peer", "forwarded", "counts"),
    [
        ("203.0.113.5", b"", "203.0.113.5"),
        ("203.0.113.5", b"198.51.100.1", "203.0.113.5"),
        ("127.0.0.1", b"", "127.0.0.1"),
        ("127.0.0.1", b"9.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", b"\xff; DROP", "unknown"),
        ("127.0.0.1", b"198.51.100.1:4711", "unknown"),
        ("127.0.0.1", b"::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.5", b"198.51.100.1", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", b"", "2001:db8:1:2::/64"),
        ("::1", b"198.51.100.1", "198.51.100.1"),
        (None, b"198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_address_that_counts_is_the_peers_or_the_one_that_our_own_proxy_names(
    peer: str | None, forwarded: bytes, counts: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded)] if forwarded else []
    assert address_of({"client": (peer, 1) if peer else None, "headers": headers}) == counts


# Connections


@contextmanager
def serving(engine: sa.Engine) -> Iterator[int]:
    """The web server as the daemon runs it; its port."""
    chosen = settings(web={"port": 0}, providers={"tribute": {"api_key": KEY}})
    with jobs.web.WebServer(chosen, engine, lambda: None, lambda: NOW) as server:
        yield server.port


def test_who_never_finishes_the_head_of_a_request_is_hung_up_on(
    sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.2)
    monkeypatch.setattr(jobs.web, "TICKS", 1)
    with serving(sqlite) as port:
        begun = (b"", b"POST /webhooks/tribute HTTP/1.1\r\nHost: x\r\n")
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in begun]
        for one, head in zip(slow, begun, strict=True):
            one.sendall(head)
            one.settimeout(10)
        assert [one.recv(10) for one in slow] == [b"", b""]
        assert post(f"http://127.0.0.1:{port}/webhooks/tribute", signed(BODY), BODY) == 200


def test_past_the_limit_of_connections_everybody_is_told_when_to_come_again(
    sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.web, "MAX_CONNECTIONS", 3)
    with serving(sqlite) as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        one = socket.create_connection(("127.0.0.1", port))
        one.settimeout(10)
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while part := one.recv(1000):
            said += part
        head = said.lower()
        assert head.startswith(b"http/1.1 503 ")
        assert b"\r\nretry-after: 2\r\n" in head
        assert b"\r\nconnection: close\r\n" in head
        for other in idle:
            other.close()
        until_s = time.monotonic() + 10
        while (status := post(f"http://127.0.0.1:{port}/webhooks/tribute", signed(BODY), BODY)) != 200:
            assert (status, time.monotonic() < until_s) == (503, True)
