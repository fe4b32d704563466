"""What a report shows beside findings and statement: cases, chargebacks, the ratio, refunds, links."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.cases.shown import public
from reconciler.findings import iso
from reconciler.model import Kind, Status
from reconciler.money import format_minor
from reconciler.report.period import Period
from reconciler.schema import refund_approvals, transactions
from reconciler.schema_cases import case_events, cases, disputes
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.case_views import chargeback_documents
from reconciler.store.ratio import ratios
from reconciler.store.trends import trends

MOST_REFUNDS = 5000
"""Refunds that a report lists one by one; the totals count all of them."""
RUNNING = ("open", "signal")
"""States of a chargeback in which somebody waits for an answer, or may come to."""
_CASE = (
    "id", "kind", "severity", "status", "owner", "provider", "transaction_id", "order_id", "account_id", "amount",
    "currency", "refundable_amount", "recommendation", "policy_clause", "because", "due_at", "due_state", "days_left",
    "opened_at",
)  # fmt: skip

Rows = list[dict[str, Any]]


def facts(connection: sa.Connection, settings: Settings, period: Period, at: datetime) -> dict[str, Any]:
    """The sections of a report about a period; what is left of a deadline is counted at `at`, its last run."""
    return {
        "cases": _cases(connection, period, at),
        "case_counts": _case_counts(connection, period),
        "chargebacks": _chargebacks(connection, period, at),
        "ratio": ratios(connection, settings, at),
        "refunds": _refunds(connection, period),
        "refund_totals": _refund_totals(connection, period),
        "approvals": _approvals(connection, period),
        "trends": trends(connection, period),
        "audit": _audit(connection, at),
        "links": {
            "dashboard": settings.web.public_url.rstrip("/"),
            "account": settings.web.shop_account_link,
            "order": settings.web.shop_order_link,
        },
    }


def _audit(connection: sa.Connection, at: datetime) -> dict[str, Any] | None:
    """The newest audit record of a time: kept by whoever gets the report, its hash shows a tail that was cut off."""
    record = audit.head(connection, at)
    return None if record is None else {"records": record.number, "head": record.hash}


def _cases(connection: sa.Connection, period: Period, at: datetime) -> Rows:
    """The cases that somebody has to work on, the nearest due date first."""
    query = sa.select(cases).where(cases.c.status != "resolved", cases.c.opened_at < period.end, cases.c.kind != "")
    ordered = query.order_by(cases.c.due_at.is_(None), cases.c.due_at, cases.c.opened_at, cases.c.id)
    shown = (public(dict(row), at, []) for row in connection.execute(ordered).mappings())
    return [{name: case[name] for name in _CASE} for case in shown]


def _case_counts(connection: sa.Connection, period: Period) -> dict[str, int]:
    """How many cases were opened, decided and resolved in the period."""
    table = case_events.c
    query = (
        sa.select(table.event, sa.func.count(sa.distinct(table.case_id)))
        .where(table.at >= period.start, table.at < period.end, table.event.in_(["opened", "decided", "resolved"]))
        .group_by(table.event)
    )
    counts = {event: int(count) for event, count in connection.execute(query)}
    return {name: counts.get(name, 0) for name in ("opened", "decided", "resolved")}


def _chargebacks(connection: sa.Connection, period: Period, at: datetime) -> Rows:
    """The chargebacks that run, and those that came to an end in the period; the nearest deadline first."""
    table = disputes.c
    query = sa.select(disputes).where(table.recorded_at < period.end)
    ordered = query.order_by(table.due_at.is_(None), table.due_at, table.opened_at, table.id)
    shown = chargeback_documents(connection, connection.execute(ordered).mappings().all(), at)
    return [{**one, "ended": one["state"] not in RUNNING} for one in shown if _is_current(one, period)]


def _is_current(shown: dict[str, Any], period: Period) -> bool:
    heard = [datetime.fromisoformat(stage["recorded_at"]) for stage in shown["stages"]]
    return shown["state"] in RUNNING or any(period.holds(at) for at in heard)


def _reversed(period: Period) -> sa.ColumnElement[bool]:
    table = transactions.c
    return sa.and_(
        table.kind != Kind.CHARGE,
        table.status != Status.WITHDRAWN,
        table.occurred_at >= period.start,
        table.occurred_at < period.end,
        table.first_seen_at < period.end,
    )


def _refunds(connection: sa.Connection, period: Period) -> Rows:
    table, approval = transactions.c, refund_approvals.c
    approved_by = (
        sa.select(sa.func.min(approval.decided_by))
        .where(approval.provider == table.provider, approval.ref == table.parent_ref)
        .scalar_subquery()
    )
    columns = (table.provider, table.ref, table.kind, table.parent_ref, table.amount_minor, table.currency)
    query = sa.select(*columns, table.occurred_at, approved_by.label("approved_by")).where(_reversed(period))
    ordered = query.order_by(table.occurred_at, table.provider, table.ref).limit(MOST_REFUNDS)
    return [
        {
            "provider": row.provider,
            "transaction_id": row.parent_ref or row.ref,
            "kind": row.kind,
            "amount": format_minor(row.amount_minor, row.currency),
            "currency": row.currency,
            "occurred_at": iso(row.occurred_at),
            "approved_by": row.approved_by,
        }
        for row in connection.execute(ordered)
    ]


def _refund_totals(connection: sa.Connection, period: Period) -> dict[str, dict[str, Any]]:
    """Count and money that went back in the period, by currency."""
    table = transactions.c
    total = sa.func.sum(table.amount_minor)
    query = sa.select(table.currency, sa.func.count(), total).where(_reversed(period)).group_by(table.currency)
    return {
        code: {"count": int(count), "amount": format_minor(int(minor), code)}
        for code, count, minor in sorted(tuple(row) for row in connection.execute(query))
    }


def _approvals(connection: sa.Connection, period: Period) -> Rows:
    """The refunds that were approved in the period."""
    table = refund_approvals.c
    query = sa.select(refund_approvals).where(table.recorded_at >= period.start, table.recorded_at < period.end)
    return [
        {
            "provider": row.provider,
            "transaction_id": row.ref,
            "amount": format_minor(row.amount_minor, row.currency),
            "currency": row.currency,
            "decided_by": row.decided_by,
            "note": row.note,
            "recorded_at": iso(row.recorded_at),
        }
        for row in connection.execute(query.order_by(table.recorded_at, table.id))
    ]
