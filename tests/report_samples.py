"""Statements and findings made up for the tests of the report and of the commands; builders name only what matters."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.findings import finding_id, iso
from reconciler.policy import CLAUSES
from reconciler.report.document import Document, build
from reconciler.report.period import Period

MOSCOW = ZoneInfo("Europe/Moscow")
DAY = Period(date(2026, 11, 22), MOSCOW)
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


def document(
    findings: list[dict[str, Any]] | None = None, facts: dict[str, Any] | None = None, **changes: Any
) -> Document:
    """The report of the day about these findings."""
    return build(DAY, statement(findings, **changes), findings or [], clauses=CLAUSES, facts=facts)


def case(id_: str = "c0ffee000001", due_in_days: int = 5, **changes: Any) -> dict[str, Any]:
    """A case that waits for a decision."""
    row = {
        "id": id_,
        "kind": "duplicate_charge",
        "severity": "warning",
        "status": "open",
        "owner": None,
        "provider": "digiseller",
        "transaction_id": "1",
        "order_id": "order-1",
        "account_id": "account-1",
        "amount": "700.00",
        "currency": "RUB",
        "refundable_amount": "700.00",
        "recommendation": "refund",
        "policy_clause": "3.duplicate_charge",
        "because": "Charge 1 pays a purchase again: a billing error.",
        "due_at": iso(AT + timedelta(days=due_in_days)),
        "due_state": "overdue" if due_in_days < 0 else "waiting",
        "days_left": due_in_days,
        "opened_at": iso(AT - timedelta(days=9)),
    }
    return row | changes


def chargeback(id_: str = "cb0000000001", due_in_days: int = 2, **changes: Any) -> dict[str, Any]:
    """A chargeback that waits for an answer."""
    row = {
        "id": id_,
        "provider": "digiseller",
        "ref": "1",
        "amount": "700.00",
        "currency": "RUB",
        "reason": "10.4",
        "state": "open",
        "stage": "opened",
        "origin": "operator",
        "opened_at": iso(AT - timedelta(days=3)),
        "due_at": iso(AT + timedelta(days=due_in_days)),
        "due_given": True,
        "days_left": due_in_days,
        "ended": False,
        "stages": [],
    }
    return row | changes


def refund(ref: str = "1", **changes: Any) -> dict[str, Any]:
    """Money that went back on the day."""
    row = {
        "provider": "digiseller",
        "transaction_id": ref,
        "kind": "refund",
        "amount": "700.00",
        "currency": "RUB",
        "occurred_at": iso(AT - timedelta(hours=5)),
        "approved_by": None,
    }
    return row | changes


def month(name: str = "2026-11", **changes: Any) -> dict[str, Any]:
    """The chargeback ratio of a month."""
    row = {
        "month": name,
        "provider": "digiseller",
        "currency": "RUB",
        "charges": 1240,
        "chargebacks": 11,
        "percent": "0.89",
        "limit_percent": "1.00",
        "state": "near",
    }
    return row | changes


def trends(**changes: Any) -> dict[str, Any]:
    """Thirty days; in the first ten no run counted anything."""
    days = [(DAY.first - timedelta(days=back)).isoformat() for back in reversed(range(30))]
    series = {
        "days": days,
        "received": {"RUB": [f"{40_000 + (n * 7919) % 44_000}.00" for n in range(30)]},
        "refunded": {"RUB": [f"{700 * (n % 4)}.00" for n in range(30)]},
        "at_stake": {"RUB": [None] * 10 + [f"{1400 * (n % 6 + 1)}.00" for n in range(20)]},
        "open": {
            "info": [None] * 10 + [n % 3 for n in range(20)],
            "warning": [None] * 10 + [n % 5 for n in range(20)],
            "critical": [None] * 10 + [n % 2 for n in range(20)],
        },
    }
    return series | changes


def full_facts(**changes: Any) -> dict[str, Any]:
    """Every section of a report with something in it."""
    facts = {
        "cases": [case(due_in_days=-1, owner="Anna"), case("c0ffee000002", kind="suspected_chargeback")],
        "case_counts": {"opened": 2, "decided": 1, "resolved": 3},
        "chargebacks": [chargeback(), chargeback("cb0000000002", state="won", stage="won", ended=True)],
        "ratio": [month("2026-10", chargebacks=4, percent="0.32", state="ok"), month()],
        "refunds": [refund(), refund("2", approved_by="Boris")],
        "refund_totals": {"RUB": {"count": 2, "amount": "1400.00"}},
        "approvals": [
            {
                "provider": "digiseller",
                "transaction_id": "2",
                "amount": "700.00",
                "currency": "RUB",
                "decided_by": "Boris",
                "note": HOSTILE,
                "recorded_at": iso(AT - timedelta(hours=2)),
            }
        ],
        "trends": trends(),
    }
    return facts | changes
