"""The one HTTP client: patient, bounded, exact with numbers, and silent about secrets."""

import gzip
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import respx

from providers.simulators.server import SimulatedServer
from reconciler.errors import NeedsOperator, Retryable
from reconciler.http import Http, Pace, retry_after_s, scrub
from reconciler.strict_json import parse_json

BASE = "http://127.0.0.1:1/api/"


def client(waits: list[float], **pace: Any) -> Http:
    """A client that writes its waits down and does not wait."""
    return Http(BASE, {"default": Pace(**({"calls": 1000, "period_s": 1.0} | pace))}, sleep=waits.append)


@respx.mock
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_fault_is_tried_again_with_growing_waits(status: int) -> None:
    answers = [httpx.Response(status), httpx.Response(status), httpx.Response(200, json={"ok": 1})]
    respx.get(BASE + "x").mock(side_effect=answers)
    waits: list[float] = []
    assert client(waits).call("GET", "x").json() == {"ok": 1}
    assert waits == [0.5, 1.0]


@respx.mock
def test_waits_never_exceed_the_pace_and_tries_come_to_an_end() -> None:
    route = respx.get(BASE + "x").mock(return_value=httpx.Response(429))
    waits: list[float] = []
    with pytest.raises(Retryable, match="answered 429"):
        client(waits, tries=5, first_wait_s=15, max_wait_s=60).call("GET", "x")
    assert waits == [15, 30, 60, 60]
    assert route.call_count == 5


@respx.mock
def test_retry_after_is_obeyed_in_seconds_and_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    answers = [
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.Response(503, headers={"Retry-After": soon}),
        httpx.Response(200, json=[]),
    ]
    respx.get(BASE + "x").mock(side_effect=answers)
    waits: list[float] = []
    client(waits).call("GET", "x")
    assert waits[0] == 7
    assert 17 < waits[1] <= 20


@pytest.mark.parametrize("header", ["", "soon", "-1", "1.5"])
def test_an_unreadable_retry_after_counts_as_none(header: str) -> None:
    assert retry_after_s({"retry-after": header}) is None


@respx.mock
def test_what_the_reader_calls_passing_is_tried_again_and_the_rest_goes_through() -> None:
    respx.get(BASE + "x").mock(side_effect=[httpx.Response(200, text="<html>"), httpx.Response(200, json=[1])])
    assert client([]).call("GET", "x", read=lambda answer: answer.json()) == [1]

    def refuse(_answer: Any) -> None:
        raise NeedsOperator("wrong key")

    respx.get(BASE + "y").mock(return_value=httpx.Response(401))
    with pytest.raises(NeedsOperator):
        client([]).call("GET", "y", read=refuse)
    assert len([call for call in respx.calls if call.request.url.path.endswith("y")]) == 1


@respx.mock
def test_an_unreachable_host_is_named_without_the_token() -> None:
    respx.get(BASE + "x").mock(side_effect=httpx.ConnectError("all refused at ?token=SECRET"))
    with pytest.raises(Retryable) as raised:
        client([]).call("GET", "x", params={"token": "SECRET"})
    assert "127.0.0.1" in str(raised.value)
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None


@respx.mock
def test_a_body_beyond_the_limit_is_refused() -> None:
    respx.get(BASE + "x").mock(return_value=httpx.Response(200, content=b"x" * (8 * 1024 * 1024 + 1)))
    with pytest.raises(Retryable, match="larger than"):
        client([], tries=1).call("GET", "x")


def test_numbers_are_exact_and_a_byte_order_mark_is_no_fault() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 0.1, "b": 9007199254740993}') == {"a": Decimal("0.1"), "b": 2**53 + 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"a": 1',
        b"<html>Digiseller UPDATING</html>",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        "привет".encode("cp1251"),
        b"[" * 100_000,
        b"[" * 100 + b"]" * 100,
        b"1" * 5000,
        b'{"retval": 0, "retval": 1}',
    ],
)
def test_anything_but_complete_json_is_refused(body: bytes) -> None:
    with pytest.raises(Retryable):
        parse_json(body)


def test_secrets_in_urls_are_masked() -> None:
    text = scrub("GET https://x/api?token=ABC&page=1 sign=def uniquecode=123 and apilogin")
    assert text == "GET https://x/api?token=***&page=1 sign=*** uniquecode=*** and apilogin"


class Swelling(SimulatedServer):
    """A host whose few kilobytes inflate to 200 MiB."""

    bomb = gzip.compress(bytes(200 * 1024 * 1024))

    def handle(self, method: str, path: str, query: Any, body: bytes) -> Any:
        """Always the same."""
        return 200, {"Content-Encoding": "gzip"}, self.bomb


def test_a_body_that_swells_beyond_the_limit_is_refused_before_it_fills_the_memory() -> None:
    with Swelling() as server:
        http = Http(server.url, {"default": Pace(1000, 1.0, tries=1)})
        tracemalloc.start()
        with pytest.raises(Retryable, match="larger than"):
            http.call("GET", "x")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        http.close()
    assert peak < 40 * 1024 * 1024


@respx.mock
def test_a_gzip_body_is_read_and_a_cut_or_foreign_one_is_refused() -> None:
    packed = gzip.compress(b'{"a": 1}')

    def answer(body: bytes, encoding: str = "gzip") -> Any:
        headers = {"Content-Encoding": encoding}
        respx.get(BASE + "x").mock(return_value=httpx.Response(200, headers=headers, stream=httpx.ByteStream(body)))
        return client([], tries=1).call("GET", "x").json()

    assert answer(packed) == {"a": 1}
    for body, encoding in ((packed[:-9], "gzip"), (b"no gzip", "gzip"), (packed, "br")):
        with pytest.raises(Retryable):
            answer(body, encoding)


@respx.mock
def test_the_difference_of_the_clocks_is_told_by_the_last_answer() -> None:
    there = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    dated = httpx.Response(200, headers={"Date": format_datetime(there, usegmt=True)})
    respx.get(BASE + "x").mock(side_effect=[dated, httpx.Response(200), httpx.Response(200, headers={"Date": "soon"})])
    http = Http(BASE, {"default": Pace(1000, 1.0)}, now=lambda: there + timedelta(minutes=5))
    assert http.ahead_s is None
    for _ in range(3):
        http.call("GET", "x")
        assert http.ahead_s == 300
