"""Nothing that anybody sends makes an error of ours: bodies by the thousand, and requests by the OpenAPI document."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from jobs.inbox import FAULT
from reconciler.store.engine import open_store
from tests.stores import engine, url
from tests.webhook_world import Intake, Pushed, events, intake, sample_event, signed, stored

__all__ = ["engine", "url"]
TOGETHER, DRAWN = 50, 4
BODIES, LONG_BODIES = 10_000, 100_000
CASES, LONG_CASES = 40, 2_000
ALLOWED = {200, 400, 401, 413}
QUIET = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "\x00", "\ud800", "1e999", "9" * 5000, "2025-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "é"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_samples(draw: st.DrawFn) -> bytes:
    """A sample event with some fields made wild."""
    event = sample_event(draw(st.sampled_from(events())))
    payload = event.get("payload", {})
    for field in draw(st.lists(st.sampled_from(sorted(payload)), max_size=3)) if payload else ():
        payload[field] = draw(values)
    if draw(st.integers(0, 9)) == 0:
        event[draw(st.sampled_from(["name", "created_at", "payload"]))] = draw(values)
    return json.dumps(event).encode()


wild = st.one_of(
    changed_samples(),
    changed_samples(),  # hypothesis shares evenly: this way half of the bodies resemble events
    changed_samples(),
    values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=80),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
HEADERS = ("right", "right", "right", "none", "wrong", "non-ascii")


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[bytes, str]]:
    """A few bodies, and many more made of them by small damage; most of them signed."""
    drawn = draw(st.lists(wild, min_size=DRAWN, max_size=DRAWN))
    chance = draw(st.randoms(use_true_random=True))
    bodies = drawn + [damaged(chance.choice(drawn), chance) for _ in range(TOGETHER - DRAWN)]
    return [(body, chance.choice(HEADERS)) for body in bodies]


def damaged(body: bytes, chance: random.Random) -> bytes:
    """The body with a value replaced, a field lost, or a byte changed."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    inside = value.get("payload") if isinstance(value, dict) else None
    if not isinstance(inside, dict) or not inside or chance.random() < 0.2:
        place = chance.randrange(len(body) + 1)
        return body[:place] + bytes([chance.randrange(256)]) + body[place + chance.randrange(2) :]
    field = chance.choice(sorted(inside))
    if chance.random() < 0.3:
        del inside[field]
    else:
        number = chance.randrange(10**6)
        inside[field] = chance.choice(
            [number, str(number), -number, number / 7, [number], {"a": number}, None, True, ""]
        )
    return json.dumps(value).encode()


async def call(app: Any, body: bytes, header: str, path: str) -> int:
    """One request straight to the application; returns the status, and lets errors through."""
    given_headers = {
        "right": [(b"trbt-signature", signed(body)["trbt-signature"].encode())],
        "none": [],
        "wrong": [(b"trbt-signature", b"0" * 64)],
        "non-ascii": [(b"trbt-signature", b"\xe9" * 64)],
    }[header]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": given_headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


async def deliver(way: Intake, batch: list[tuple[bytes, str]]) -> list[int]:
    """All of a batch at once, every third one to DigiSeller's address."""
    paths = ["/webhooks/digiseller" if place % 3 == 2 else "/webhooks/tribute" for place in range(len(batch))]
    calls: list[Awaitable[int]] = [
        call(way.app, body, header, path) for (body, header), path in zip(batch, paths, strict=True)
    ]
    return await asyncio.gather(*calls)


def bombard(way: Intake, bodies: int) -> None:
    """So many bodies; none of them is answered by an error of ours."""
    tried = settings(
        max_examples=bodies // TOGETHER, suppress_health_check=QUIET, phases=[Phase.generate], database=None
    )

    @tried
    @given(deliveries())
    def one_batch(batch: list[tuple[bytes, str]]) -> None:
        statuses = asyncio.run(deliver(way, batch))
        assert set(statuses) <= ALLOWED
        unsigned = [status for status, (_, header) in zip(statuses, batch, strict=True) if header != "right"]
        assert set(unsigned) <= {401}

    one_batch()


def everything_holds(engine: sa.Engine, bodies: int) -> None:
    """Bodies in, then all of what was stored worked through."""
    with intake(engine) as way:
        bombard(way, bodies)
    rows = stored(engine)
    assert sum(row["deliveries"] for row in rows) > bodies // 10
    pushed = Pushed(engine)
    pushed.world().complete()
    pushed.work()
    assert {row["state"] for row in stored(engine)} >= {"done", "unreadable", "unknown"}
    assert not [row for row in stored(engine) if row["state"] == "waiting" or FAULT in row["result"]]
    assert pushed.world().judge().verdict != "does_not_close"


def test_thousands_of_bodies_make_no_error_on_the_way_in_nor_afterwards(engine: sa.Engine) -> None:
    everything_holds(engine, BODIES // 2)


@pytest.mark.long
def test_a_hundred_thousand_bodies_make_no_error_on_the_way_in_nor_afterwards(engine: sa.Engine) -> None:
    everything_holds(engine, LONG_BODIES)


def by_the_document(tmp_path: Any, cases: int) -> None:
    """Requests that schemathesis makes of the OpenAPI document: no error of ours."""
    with intake(open_store(f"sqlite:///{tmp_path}/s.db")) as way:
        schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", way.app)
        for operation in schema.get_all_operations():
            _try(operation.ok(), cases)


def _try(operation: Any, cases: int) -> None:
    tried = settings(max_examples=cases, suppress_health_check=QUIET, phases=[Phase.generate], database=None)
    check: Callable[..., None] = tried(given(case=operation.as_strategy())(_no_error_of_ours))
    check()


def _no_error_of_ours(case: Any) -> None:
    case.call_and_validate(checks=[not_a_server_error])


def test_requests_made_of_the_openapi_document_make_no_error_of_ours(tmp_path: Any) -> None:
    by_the_document(tmp_path, CASES)


@pytest.mark.long
def test_many_requests_made_of_the_openapi_document_make_no_error_of_ours(tmp_path: Any) -> None:
    by_the_document(tmp_path, LONG_CASES)
