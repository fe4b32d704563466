"""Statements and findings made up for the tests of the report and of the commands; builders name only what matters."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.findings import finding_id, iso
from reconciler.policy import CLAUSES
from reconciler.report.document import Day, Document, build

MOSCOW = ZoneInfo("Europe/Moscow")
DAY = Day(date(2026, 11, 22), MOSCOW)
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> =cmd() | **bold** [x](https://evil.example) \u202e"
EXCLUDED = ("pending", "failed", "prepaid", "trial", "unknown", "grace", "reversed")


def total(count: int = 0, amount: str = "0.00") -> dict[str, Any]:
    """A count with its sum."""
    return {"count": count, "amount": amount}


def books(provider: str = "digiseller", currency: str = "RUB", **changes: Any) -> dict[str, Any]:
    """The books of one provider and currency; they close unless a change breaks them."""
    excluded = {name: total() for name in EXCLUDED} | {"grace": total(2, "1400.00"), "pending": total(1, "700.00")}
    entry = {
        "provider": provider,
        "currency": currency,
        "charges": {
            "received": total(120, "84000.00"),
            "matched": total(114, "79800.00"),
            "open": total(3, "2100.00"),
            "excluded": excluded,
        },
        "open_items": {
            "start": total(2, "1400.00"),
            "opened": total(2, "1400.00"),
            "closed": total(1, "700.00"),
            "end": total(3, "2100.00"),
        },
        "reversals": {
            "received": total(2, "1400.00"),
            "explained": total(1, "700.00"),
            "suspected": total(1, "700.00"),
            "confirmed": total(),
        },
        "closes": True,
        "broken": [],
    }
    return entry | changes


def feed(name: str = "digiseller.sales", **changes: Any) -> dict[str, Any]:
    """A feed that was read completely three minutes before the run."""
    row = {
        "name": name,
        "complete_since": iso(AT - timedelta(days=30)),
        "complete_until": iso(AT - timedelta(minutes=5)),
        "last_success_at": iso(AT - timedelta(minutes=3)),
        "error": None,
        "gaps": [],
        "main": True,
        "complete": True,
    }
    return row | changes


def statement(findings: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A run's statement that counts `findings`."""
    rows = [one for one in findings or [] if one["status"] == "open"]
    by_kind: dict[str, dict[str, Any]] = {}
    for one in rows:
        entry = by_kind.setdefault(one["kind"], {"count": 0, "severity": one["severity"], "at_stake": {}})
        entry["count"] += 1
    alarming = any(one["severity"] != "info" for one in rows)
    whole = {
        "at": iso(AT),
        "verdict": "findings" if alarming else "reconciled",
        "providers": [books()],
        "feeds": [feed(), feed("digiseller.refunds", main=False), feed("shop.orders")],
        "at_stake": {"RUB": "700.00"} if rows else {},
        "findings": {
            "open": len(rows),
            "opened": len(rows),
            "changed": 0,
            "reopened": 0,
            "resolved": 0,
            "by_kind": by_kind,
        },
        "problems": [],
        "quarantined": 0,
    }
    return whole | changes


def finding(subject: str = "charge:digiseller/1", kind: str = "undelivered_order", **changes: Any) -> dict[str, Any]:
    """A finding in its public form, first seen on the day of the report."""
    row = {
        "id": finding_id(kind, subject),
        "kind": kind,
        "severity": "critical",
        "status": "open",
        "provider": "digiseller",
        "transaction_ids": ["1"],
        "related_transaction_ids": [],
        "order_id": "order-1",
        "account_id": "account-1",
        "amount": "700.00",
        "currency": "RUB",
        "reason": "not_fulfilled",
        "policy_clause": "3.undelivered",
        "recommendation": "deliver",
        "refundable_amount": "700.00",
        "explanation": "Charge 1 of 700.00 RUB was paid; order order-1 is pending and was not delivered.",
        "differences": [],
        "first_seen_at": iso(AT - timedelta(hours=1)),
        "last_seen_at": iso(AT),
        "resolved_at": None,
        "case_id": None,
    }
    return row | changes


def document(findings: list[dict[str, Any]] | None = None, **changes: Any) -> Document:
    """The report of the day about these findings."""
    return build(DAY, statement(findings, **changes), findings or [], clauses=CLAUSES)
