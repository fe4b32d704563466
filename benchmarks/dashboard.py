"""How long each page of the dashboard takes at the server, with a million transactions and 100,000 findings stored."""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from benchmarks.dashboard_store import FINDINGS, TRANSACTIONS, fill
from benchmarks.servers import postgresql
from jobs.run import utc_now
from reconciler.settings import Settings
from reconciler.store import web_sessions
from reconciler.store.engine import open_store, write
from reconciler.store.users import add_user
from reconciler.web.app import build_app
from reconciler.web.dashboard.site import Site

TIMES = 10
GOAL_MS = 150
PAGES = (
    "/", "/findings", "/findings?status=open&kind=duplicate_charge", "/findings?severity=critical&provider=tribute",
    "/findings?account=a77", "/findings?least=10.00&most=11.00&currency=WMZ", "/findings?since=2026-01-01",
    "/findings?q=500000", "/findings?q=b500000@x.org", "/findings?q=a77", "/findings?q=nothing",
    "/cases", "/cases?status=open", "/cases?status=open&severity=critical&provider=digiseller", "/cases?account=a77",
    "/cases?status=snoozed", "/cases?owner=nobody", "/cases?kind=missing_charge&provider=tribute&status=open",
    "/cases?q=500000", "/cases?q=b500000@x.org", "/cases?q=a77", "/cases?q=nothing", "/cases/{case}",
    "/findings/{finding}", "/chargebacks", "/reviews/new", "/outbox", "/outbox?state=held", "/events", "/events/500",
    "/jobs", "/reports", "/audit", "/settings", "/api/v1/docs",
)  # fmt: skip


def main() -> None:
    """Measure both databases."""
    print(f"{TRANSACTIONS:,} transactions, {FINDINGS:,} findings and cases")
    with tempfile.TemporaryDirectory() as folder:
        measure(f"sqlite:///{folder}/s.db")
    with postgresql() as url:
        measure(url)


def measure(url: str) -> None:
    """Fill a store, then ask for each page; prints the median, the slowest and the CPU time of some tries."""
    engine = open_store(url)
    print(f"-- {engine.dialect.name}", flush=True)
    fill(engine)
    with write(engine) as connection:
        add_user(connection, "ada", "admin", "correct horse battery staple", datetime.now(UTC))
        session = web_sessions.begin(connection, "ada", datetime.now(UTC), address="-")
    app = build_app(engine, [], None, {}, utc_now, site=Site(engine, Settings(), utc_now))  # type: ignore[arg-type]
    asyncio.run(_ask(app, session))
    engine.dispose()


async def _ask(app: Any, session: str) -> None:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://here", cookies={"session": session}
    )
    for path in PAGES:
        address = path.format(case="case77777", finding="finding77777")
        await client.get(address)  # the first look after a start also reads the page's template
        took, worked, size = [], [], 0
        for _ in range(TIMES):
            began, at_work = time.perf_counter(), time.process_time()
            answer = await client.get(address)
            took.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - at_work) * 1000)
            assert answer.status_code == 200, (address, answer.text)
            size = len(answer.content)
        mark = "" if max(took) < GOAL_MS else "  OVER"
        print(
            f"{statistics.median(took):7.1f} ms, {max(took):7.1f} at most, {statistics.median(worked):7.1f} of CPU, "
            f"{size:9,} bytes  {address}{mark}",
            flush=True,
        )
