"""The state of everything at once: runs, feeds, findings, queues, cases, the chargeback ratio and the audit's head."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler import config
from reconciler.audit import Record
from reconciler.findings import iso
from reconciler.settings import Settings
from reconciler.store import audit, inbox, outbox, queries
from reconciler.store.alert_views import counts as alert_counts
from reconciler.store.case_views import counts
from reconciler.store.facts import feed_rows
from reconciler.store.ratio import ratios
from reconciler.store.runs import recent_runs

RUNS = 5
"""Runs that are shown."""


def gather(connection: sa.Connection, settings: Settings, now: datetime) -> dict[str, Any]:
    """The state of everything as JSON values; ages in whole seconds."""
    return {
        "at": iso(now),
        "database": {"url": config.masked(settings)["database"]["url"], "state": "ok"},
        "runs": [run_document(row) for row in recent_runs(connection, RUNS)],
        **overview(connection, now),
        "held": [_held(row) for row in outbox.entries(connection, states=["held"])],
        "audit": _chain(audit.head(connection)),
        "alerts": alert_counts(connection),
        "chargeback_ratio": ratios(connection, settings, now),
    }


def overview(connection: sa.Connection, now: datetime) -> dict[str, Any]:
    """The part of it that a glance needs: feeds, open findings, cases and what waits."""
    return {
        "feeds": [_feed(row, now) for _, row in sorted(feed_rows(connection).items())],
        "findings": _findings(queries.open_findings(connection)),
        "queues": {
            "quarantine": queries.quarantined(connection),
            "webhooks": inbox.waiting(connection),
            "outbox": outbox.lengths(connection),
        },
        "cases": counts(connection, now),
    }


def _held(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": row["key"], "channel": row["channel"], "since": iso(row["finished_at"]), "note": row["note"]}


def _chain(last: Record | None) -> dict[str, Any]:
    return {"records": last.number if last else 0, "head": last.hash if last else None}


def run_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """One run as `status` prints it."""
    return {
        "run_id": str(row["id"]),
        "started_at": iso(row["started_at"]),
        "finished_at": iso(row["finished_at"]),
        "verdict": row["verdict"],
        "problems": row["problems"] or [],
    }


def _feed(row: Any, now: datetime) -> dict[str, Any]:
    success = row.last_success_at
    return {
        "name": row.name,
        "complete_since": iso(row.complete_since),
        "complete_until": iso(row.complete_until),
        "last_attempt_at": iso(row.last_attempt_at),
        "last_success_at": iso(success),
        "age_s": None if success is None else int((now - success).total_seconds()),
        "error": row.last_error,
    }


def _findings(rows: list[dict[str, Any]]) -> dict[str, Any]:
    by_severity = dict.fromkeys(("critical", "warning", "info"), 0)
    for row in rows:
        by_severity[row["severity"]] += row["count"]
    by_kind = {row["kind"]: {"count": row["count"], "severity": row["severity"]} for row in rows}
    return {"open": sum(by_severity.values()), "by_severity": by_severity, "by_kind": by_kind}
