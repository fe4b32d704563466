"""What the dashboard's tests share: a store with a little of everything, its users, and the application on loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from jobs.run import utc_now
from providers import build_receivers
from reconciler.money import Money
from reconciler.schema_told import audit_records
from reconciler.schema_users import users, web_sessions
from reconciler.settings import Settings
from reconciler.store import disputes
from reconciler.store.api_tokens import make_token
from reconciler.store.cases import charge_root, follow_cases, open_case
from reconciler.store.engine import write
from reconciler.store.inbox import take_in
from reconciler.web.app import build_app
from reconciler.web.dashboard.site import Site
from reconciler.webhooks import Arrival, Delivery
from tests.builders import CREDIT, World, account, charge, looked_up, order, pending, refund
from tests.builders import settings as settings_of

PASSWORD = "correct horse battery staple"
PLANTED = '<script>window.planted = 1</script><img src=x onerror="window.planted = 1">'
"""What a buyer calls themselves who means harm."""
PEOPLE = {"vic": "viewer", "ann": "operator", "bob": "operator", "ada": "admin"}
NOW = datetime.now(UTC).replace(microsecond=0)


def before(**span: float) -> datetime:
    """A time before now."""
    return NOW - timedelta(**span)


@dataclass
class Stage:
    """The application on a store, with what is known about what is in it."""

    engine: sa.Engine
    settings: Settings
    app: FastAPI
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


def people(engine: sa.Engine) -> None:
    """The users, all with one password, hashed at less cost than real ones: a hash carries its own cost."""
    hashed = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    with write(engine) as connection:
        rows = [{"name": name, "role": role, "password": hashed, "made_at": NOW} for name, role in PEOPLE.items()]
        connection.execute(sa.insert(users), rows)


def filled(engine: sa.Engine, settings: Settings) -> World:
    """Purchases of every kind, a case that waits for a suspension, a webhook, and a finished run."""
    world = World(engine, settings, now=NOW).complete()
    times = {"occurred_at": before(days=2)}
    sold = {"created_at": before(days=2), "delivered_at": before(days=2), "updated_at": before(days=2)}
    asked = {"created_at": before(days=2), "updated_at": before(days=2)}
    credits = {"credits_micro": 10 * CREDIT, "credits_used_micro": 4 * CREDIT}
    world.add(
        charge("1001", **times), order("A1", "1001", account_id="acc", **sold, **credits),
        account("acc", updated_at=before(days=1)),
        charge("2001", **times, buyer_email=f"{PLANTED}@example.com", title=PLANTED),
        pending("B1", "2001", account_id=PLANTED, buyer_email=f"{PLANTED}@example.com", **asked),
        charge("3001", **times), order("C1", "3001", amount_minor=900, **sold),
        charge("4001", **times), order("D1", "4001", **sold), refund("4001", occurred_at=before(days=1)),
        *(charge(str(5000 + number), **times, buyer_email=f"b{number}@example.com") for number in range(6)),
        *(looked_up(ref, read_at=NOW) for ref in ("2001", *(str(5000 + number) for number in range(6)))),
    )  # fmt: skip
    with write(engine) as connection:
        new = disputes.NewDispute("digiseller", "1001", Money(1000, "WMZ"), "10.4", before(days=1))
        disputes.record(connection, new, "operator", NOW)
        key = ("digiseller", "1001")
        follow_cases(connection, settings, {open_case(connection, charge_root(*key), NOW, key=key)}, NOW)
        _webhook(connection, settings)
    world.judge()
    return world


def _webhook(connection: sa.Connection, settings: Settings) -> None:
    door = next(one for one in build_receivers(settings) if one.name == "tribute")
    sample: Delivery = door.sample()
    take_in(connection, [Arrival(door.accept(sample), sample, NOW)])


def staged(engine: sa.Engine, folder: Any, **sections: Any) -> Stage:
    """The application with everything in it."""
    web = {"shop_account_link": "https://shop.example/accounts/{account_id}", "public_url": ""} | sections.pop(
        "web", {}
    )
    settings = settings_of(web=web, report={"directory": f"{folder}/reports"}, **sections)
    people(engine)
    filled(engine, settings)
    receivers = build_receivers(settings)
    site = Site(engine, settings, utc_now, {one.name: one.shown for one in receivers})
    stage = Stage(engine, settings, build_app(engine, receivers, None, {}, utc_now, site=site))  # type: ignore[arg-type]
    with write(engine) as connection:
        for scopes in (("findings",), ("cases", "personal")):
            stage.tokens[scopes[0]] = make_token(connection, "ann", scopes, 30, NOW)[1]
        for name, text in (
            ("case", "SELECT id FROM cases WHERE ref = '1001'"), ("planted", "SELECT id FROM cases WHERE ref = '2001'"),
            ("finding", "SELECT id FROM findings WHERE order_id = 'C1'"), ("chargeback", "SELECT id FROM disputes"),
            ("event", "SELECT id FROM webhooks"),
        ):  # fmt: skip
            stage.ids[name] = str(connection.execute(sa.text(text)).scalars().first())
    return stage


class Person:
    """Somebody with a browser of their own, by plain HTTP in this process."""

    def __init__(self, stage: Stage, name: str | None = None) -> None:
        """`name` is logged in; None is a stranger."""
        self.client = httpx.Client(transport=_InProcess(stage.app), base_url="http://here")
        if name:
            answer = self.post("/login", {"name": name, "password": PASSWORD, "next": "/"})
            assert answer.status_code == 303, answer.text

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Look at a page."""
        return self.client.get(path, headers=headers)

    def post(self, path: str, fields: dict[str, Any], *, origin: str = "http://here", **more: Any) -> httpx.Response:
        """Send a form."""
        return self.client.post(path, data=fields, headers={"origin": origin}, **more)

    @property
    def csrf(self) -> str:
        """The token that this session's forms carry."""
        from reconciler.store.web_sessions import csrf_token

        return csrf_token(self.client.cookies.get("session", ""))

    def send(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form with its token."""
        return self.post(path, {"csrf": self.csrf, **fields})


class _InProcess(httpx.BaseTransport):
    """Requests go to the application without a socket."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        import asyncio

        async def call() -> httpx.Response:
            inner = httpx.ASGITransport(app=self._app, raise_app_exceptions=True)
            answer = await inner.handle_async_request(
                httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            )
            content = b"".join([part async for part in answer.aiter_raw()])
            return httpx.Response(answer.status_code, headers=answer.headers, content=content)

        return asyncio.run(call())


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a port of this machine; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def audit_kinds(engine: sa.Engine) -> list[str]:
    """What the audit tells of, in order."""
    with engine.connect() as connection:
        return list(connection.execute(sa.select(audit_records.c.kind).order_by(audit_records.c.number)).scalars())


def sessions(engine: sa.Engine) -> int:
    """How many sessions there are."""
    with engine.connect() as connection:
        return len(connection.execute(sa.select(web_sessions)).all())
