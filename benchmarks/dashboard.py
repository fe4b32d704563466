"""How long each page of the dashboard takes at the server, with a million transactions and 100,000 findings stored."""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from jobs.run import utc_now
from reconciler import schema, schema_cases
from reconciler.cases.shown import UNHURRIED
from reconciler.settings import Settings
from reconciler.store import web_sessions
from reconciler.store.engine import open_store, write
from reconciler.store.users import add_user
from reconciler.web.app import build_app
from reconciler.web.dashboard.site import Site

TRANSACTIONS, FINDINGS, TIMES = 1_000_000, 100_000, 7
GOAL_MS = 150
PAGES = (
    "/", "/findings", "/findings?status=open&kind=duplicate_charge", "/findings?q=500000", "/findings?q=b500000@x.org",
    "/cases", "/cases?status=open", "/cases?status=open&severity=critical&provider=digiseller", "/cases?account=a77",
    "/cases?q=500000", "/cases/{case}", "/findings/{finding}", "/chargebacks", "/outbox", "/events", "/jobs",
    "/reports", "/audit", "/settings", "/api/v1/docs",
)  # fmt: skip
KINDS = ("duplicate_charge", "undelivered_order", "amount_mismatch", "missing_charge")


def main() -> None:
    """Fill a store, then ask for each page; prints the median and the slowest of some tries."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_store(f"sqlite:///{folder}/s.db")
        _fill(engine)
        with write(engine) as connection:
            add_user(connection, "ada", "admin", "correct horse battery staple", datetime.now(UTC))
            session = web_sessions.begin(connection, "ada", datetime.now(UTC), address="-")
        app = build_app(engine, [], None, {}, utc_now, site=Site(engine, Settings(), utc_now))  # type: ignore[arg-type]
        size = Path(folder, "s.db").stat().st_size
        print(f"{TRANSACTIONS:,} transactions, {FINDINGS:,} findings and cases, {size:,} bytes")
        asyncio.run(_ask(app, session))
        engine.dispose()


async def _ask(app: Any, session: str) -> None:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://here", cookies={"session": session}
    )
    for path in PAGES:
        address = path.format(case="case500", finding="finding500")
        took, size = [], 0
        for _ in range(TIMES):
            began = time.perf_counter()
            answer = await client.get(address)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (address, answer.text)
            size = len(answer.content)
        middle = statistics.median(took)
        mark = "" if middle < GOAL_MS else "  OVER"
        print(f"{middle:8.1f} ms  {max(took):8.1f} ms at most  {size:9,} bytes  {address}{mark}")


def _fill(engine: sa.Engine) -> None:
    now = datetime.now(UTC)
    with write(engine) as connection:
        for start in range(0, TRANSACTIONS, 50_000):
            connection.execute(
                sa.insert(schema.transactions), [_charge(number, now) for number in range(start, start + 50_000)]
            )
        for start in range(0, FINDINGS, 20_000):
            numbers = range(start, start + 20_000)
            connection.execute(sa.insert(schema_cases.cases), [_case(number, now) for number in numbers])
            connection.execute(sa.insert(schema.findings), [_finding(number, now) for number in numbers])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def _charge(number: int, now: datetime) -> dict[str, Any]:
    at = now - timedelta(seconds=number * 30)
    return {
        "provider": "digiseller", "ref": str(number), "kind": "charge", "status": "paid", "amount_minor": 1000 + number,
        "currency": "WMZ", "occurred_at": at, "occurred_text": "", "occurred_exact": True, "group_ref": str(number),
        "shared": False, "recurring": False, "seller_started": False, "listed": True, "first_seen_at": at,
        "buyer_email": f"b{number}@x.org",
    }  # fmt: skip


def _said(number: int) -> dict[str, Any]:
    return {
        "kind": KINDS[number % 4], "severity": "critical" if number % 5 == 0 else "warning", "provider": "digiseller",
        "order_id": f"o{number}", "account_id": f"a{number % 5000}", "currency": "WMZ",
    }  # fmt: skip


def _status(number: int) -> str:
    return "open" if number % 3 else "resolved"


def _finding(number: int, now: datetime) -> dict[str, Any]:
    said, at = _said(number), now - timedelta(minutes=number)
    document = said | {
        "transaction_ids": [str(number * 5)], "related_transaction_ids": [], "amount": "10.00", "reason": None,
        "policy_clause": "6", "recommendation": "refund", "refundable_amount": "10.00", "differences": [],
        "explanation": f"One purchase for order o{number} was paid more than once.",
    }  # fmt: skip
    return said | {
        "id": f"finding{number}", "subject": f"charge:digiseller/{number * 5}", "amount_minor": 1000,
        "document": document,
        "status": _status(number), "first_seen_at": at, "last_seen_at": now,
        "case_id": f"case{number}",
    }  # fmt: skip


def _case(number: int, now: datetime) -> dict[str, Any]:
    said, at = _said(number), now - timedelta(minutes=number)
    shown = {
        "recommendation": "refund", "policy_clause": "6", "because": "Paid more than once.", "amount": "10.00",
        "currency": "WMZ", "refundable_amount": "10.00", "due_at": None, "due_known": True, "ask_for": [],
        "proposals": [], "checks": [],
    }  # fmt: skip
    return said | {
        "id": f"case{number}", "root": f"charge:digiseller/{number * 5}",
        "status": _status(number),
        "version": 1, "ref": str(number * 5), "amount_minor": 1000, "said": shown, "reopened": False,
        "opened_at": at,
        "updated_at": now, "urgency": UNHURRIED + (said["severity"] != "critical"),
    }  # fmt: skip
