"""What the tests of webhooks share: a way in, in this process, and the way from there into facts and findings."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from jobs.crosscheck import crosscheck
from jobs.inbox import Inbox
from providers import build_receivers
from providers.base import Provider
from reconciler.schema import transactions
from reconciler.schema_webhooks import webhooks
from reconciler.settings import Settings
from reconciler.store.engine import read, write
from reconciler.store.inbox import take_in
from reconciler.web.app import build_app
from reconciler.web.desk import Desk
from reconciler.webhooks import Arrival, Delivery
from tests.builders import NOW, World, settings

KEY, OLD_KEY, PASSWORD = "test_api_key", "the_key_before", "Test-Pass-01"
SAMPLES = Path(__file__).parent / "samples"
Answer = httpx.Response


def both() -> Settings:
    """Settings with the secrets that the samples are signed with."""
    providers = {
        "tribute": {"api_key": KEY, "previous_api_key": OLD_KEY},
        "digiseller": {"seller_id": 1, "api_key": "k", "notification_password": PASSWORD},
    }
    return settings(providers=providers)


def sample_event(name: str) -> dict[str, Any]:
    """A sample webhook by its file's name."""
    value: dict[str, Any] = json.loads((SAMPLES / "tribute" / "webhooks" / f"{name}.json").read_text())
    return value


def events() -> list[str]:
    """The names of all sample webhooks."""
    return sorted(path.stem for path in (SAMPLES / "tribute" / "webhooks").glob("*.json"))


def signed(body: bytes, key: str = KEY) -> dict[str, str]:
    """Tribute's headers for a body."""
    return {"trbt-signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


def event(name: str, payload: Mapping[str, Any], at: datetime = NOW) -> dict[str, Any]:
    """An envelope."""
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"name": name, "created_at": when, "sent_at": when, "payload": dict(payload)}


class Intake:
    """The web server's application in this process, on a real store."""

    def __init__(self, engine: sa.Engine, chosen: Settings | None = None) -> None:
        """`start`s its desk at once."""
        self.desk = Desk(engine, lambda: NOW)
        self.app = build_app(engine, build_receivers(chosen or both()), self.desk, {}, lambda: NOW)
        self.desk.start(0)

    def post(self, body: bytes, headers: Mapping[str, str] | None = None, path: str = "/webhooks/tribute") -> Answer:
        """Deliver bytes; signed with the current key unless headers are given."""
        return self.call("POST", path, content=body, headers=signed(body) if headers is None else headers)

    def call(self, method: str, path: str, **more: Any) -> Answer:
        """Any request."""
        return asyncio.run(self._call(method, path, **more))

    async def _call(self, method: str, path: str, **more: Any) -> Answer:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, **more)


@contextmanager
def intake(engine: sa.Engine, chosen: Settings | None = None) -> Iterator[Intake]:
    """A way in for the length of a block."""
    made = Intake(engine, chosen)
    try:
        yield made
    finally:
        made.desk.stop()


def stored(engine: sa.Engine) -> list[dict[str, Any]]:
    """The inbox, oldest first."""
    with read(engine) as connection:
        return [dict(row) for row in connection.execute(sa.select(webhooks).order_by(webhooks.c.id)).mappings()]


def facts(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """Every stored transaction by its ref."""
    with read(engine) as connection:
        return {row["ref"]: dict(row) for row in connection.execute(sa.select(transactions)).mappings()}


@dataclass
class Pushed:
    """A store that receives events and works them through, at a time that the test sets."""

    engine: sa.Engine
    providers: list[Provider] = field(default_factory=list)
    now: datetime = NOW
    settings: Settings = field(default_factory=both)

    def receive(self, *events: Mapping[str, Any], at: datetime | None = None) -> "Pushed":
        """Take events of Tribute in, as the web server does after its checks."""
        for one in events:
            self.deliver("tribute", json.dumps(one).encode(), at)
        return self

    def deliver(self, provider: str, body: bytes, at: datetime | None = None) -> "Pushed":
        """Take a delivery in."""
        (receiver,) = [one for one in build_receivers(self.settings) if one.name == provider]
        headers = tuple((name.encode(), value.encode()) for name, value in signed(body).items())
        delivery = Delivery("POST", b"", headers, body)
        with write(self.engine) as connection:
            take_in(connection, [Arrival(receiver.accept(delivery), delivery, at or self.now)])
        return self

    def work(self) -> "Pushed":
        """Work through what is due, and hold webhooks against the pull."""
        receivers = build_receivers(self.settings)
        Inbox(self.engine, {one.name: one for one in receivers}, lambda: self.providers, lambda: self.now).work()
        with write(self.engine) as connection:
            crosscheck(connection, receivers, timedelta(minutes=30), self.now)
        return self

    def later(self, **span: float) -> "Pushed":
        """Let time pass."""
        self.now += timedelta(**span)
        return self

    def world(self) -> World:
        """The same store for facts of other sources and for judging."""
        return World(self.engine, self.settings, self.now)

    def findings(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Open findings after judging."""
        return [row for row in self.world().open() if kind in {None, row["kind"]}]
