"""Runs the web server in a thread beside the jobs: uvicorn on a socket that is taken before anything starts."""

import asyncio
import gc
import socket
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

import sqlalchemy as sa
import structlog
import uvicorn

from jobs import troubles
from jobs.crosscheck import missed
from providers import build_receivers
from reconciler.errors import ConfigError
from reconciler.settings import Settings
from reconciler.store import webhook_gaps
from reconciler.store.engine import write
from reconciler.web import health
from reconciler.web.app import build_app
from reconciler.web.connection import Connection, close_slow
from reconciler.web.dashboard.site import Site
from reconciler.web.desk import Desk

BACKLOG = 2048
MAX_CONNECTIONS = 2000
GRACEFUL_S = 10
ALIVE_WITHIN_S = 10.0
TICKS = 20
SWITCH_S = 0.001
"""How long a job's thread may hold the interpreter while a delivery waits for it; Python's own is five times that."""
log = structlog.get_logger()


class WebServer:
    """The server and the desk behind it, for the length of a `with` block."""

    def __init__(
        self, settings: Settings, engine: sa.Engine, scheduler_ok: Callable[[], str | None], now: Callable[[], datetime]
    ) -> None:
        """Take the port; raises ConfigError when somebody else has it."""
        self._settings, self._engine, self._now = settings, engine, now
        self._socket = _taken(settings.web.host, settings.web.port)
        self._desk = Desk(engine, now)
        self._receivers = build_receivers(settings)
        checks = {
            "database": lambda: health.database(engine),
            "scheduler": scheduler_ok,
            "feeds": lambda: health.feeds(engine, troubles.main_feeds(settings), troubles.oldest_feed(settings), now()),
            "jobs": lambda: troubles.wrong(engine, settings, "job", now()),
            "outbox": lambda: troubles.wrong(engine, settings, "outbox", now()),
            "alerts": lambda: troubles.wrong(engine, settings, "address", now()),
        }
        site = Site(engine, settings, now, {one.name: one.shown for one in self._receivers})
        app = build_app(engine, self._receivers, self._desk, checks, now, self._crowded, site)
        self._server = _Server(
            uvicorn.Config(
                app,
                http=Connection,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=GRACEFUL_S,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)

    def __enter__(self) -> Self:
        """Begin to take deliveries in, and note what may have been missed before."""
        now = self._now()
        with write(self._engine) as connection:
            number, before = webhook_gaps.begin_reception(connection, now)
            for provider in missed(connection, self._receivers, before, now):
                log.warning("webhooks may be lost: there was nobody to take them in", provider=provider, since=before)
        sys.setswitchinterval(SWITCH_S)
        gc.freeze()
        self._desk.start(number)
        self._thread.start()
        host = self._socket.getsockname()[0]
        log.info("listening", url=f"http://{host}:{self.port}", webhooks=[door.name for door in self._receivers])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what is being asked, store what waits, end."""
        self._server.should_exit = True
        self._thread.join()
        self._desk.stop()
        self._socket.close()

    @property
    def port(self) -> int:
        """Where it listens, also when the configuration left the choice."""
        return int(self._socket.getsockname()[1])

    def _crowded(self) -> bool:
        """uvicorn's own limit would answer without saying when to come again."""
        return len(self._server.server_state.connections) > MAX_CONNECTIONS

    def calm(self) -> bool:
        """Whether deliveries come in so slowly that there is time to work through them."""
        return self._desk.calm

    def give_way(self) -> None:
        """Let deliveries that wait be stored first."""
        self._desk.give_way()

    def alive(self) -> bool:
        """Whether the event loop still turns and the desk still stores."""
        return self._thread.is_alive() and self._desk.alive and self._server.turns(ALIVE_WITHIN_S)


class _Server(uvicorn.Server):
    """uvicorn's server, which can be asked whether its loop turns."""

    loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop, then serve."""
        self.loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: see to it that nobody holds a connection for nothing."""
        if counter % TICKS == 0:
            close_slow(self.server_state.connections)
        return await super().on_tick(counter)

    def turns(self, within_s: float) -> bool:
        """Whether the loop does something that it is asked to, in time."""
        done = threading.Event()
        if self.loop is None or self.loop.is_closed():
            return False
        self.loop.call_soon_threadsafe(done.set)
        return done.wait(within_s)


def _taken(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"[web] cannot listen on {host} port {port} ({error.strerror or error}): choose another host or port"
        ) from None
