"""A store as it is after years, for the benchmark of the pages: a million transactions and 100,000 findings."""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from jobs.reconcile import reconcile
from reconciler.cases.shown import UNHURRIED
from reconciler.columns import metadata, to_us
from reconciler.settings import Settings
from reconciler.store.engine import write

TRANSACTIONS, FINDINGS, BOOKS = 1_000_000, 100_000, 20_000
"""`BOOKS`: entries of the outbox, webhooks, records of the audit and chargebacks."""
_MINUTE_US = 60_000_000
_BACK = "i % 50 = 49"
"""Which transactions are refunds."""
_KIND = "CASE i % 4 WHEN 0 THEN 'duplicate_charge' WHEN 1 THEN 'undelivered_order' WHEN 2 THEN 'amount_mismatch' "
_KIND += "ELSE 'missing_charge' END"
_SAID: dict[str, Any] = {
    "related_transaction_ids": [], "amount": "10.00", "reason": None, "policy_clause": "6",
    "recommendation": "refund", "refundable_amount": "10.00", "differences": [], "provider": "digiseller",
    "currency": "WMZ", "explanation": "One purchase was paid more than once.", "evidence": {},
}  # fmt: skip
_SHOWN: dict[str, Any] = {
    "recommendation": "refund", "policy_clause": "6", "because": "Paid more than once.", "amount": "10.00",
    "currency": "WMZ", "refundable_amount": "10.00", "due_at": None, "due_known": True, "ask_for": [],
    "proposals": [], "checks": [],
}  # fmt: skip
_ABOUT = {
    "kind": _KIND, "severity": "CASE WHEN i % 5 = 0 THEN 'critical' ELSE 'warning' END", "provider": "'digiseller'",
    "order_id": "'o' || (i * 5)", "account_id": "'a' || (i % 5000)", "currency": "'WMZ'", "amount_minor": "1000",
    "status": "CASE WHEN i % 3 = 0 THEN 'resolved' ELSE 'open' END",
}  # fmt: skip


def fill(engine: sa.Engine) -> None:
    """Fill an empty store with purchases, findings with their cases, and the books."""
    now = datetime.now(UTC)
    reconcile(Settings(), engine, lambda: now)
    at, minute = to_us(now), f"{to_us(now)} - i * {_MINUTE_US}"
    with write(engine) as connection:
        _put(connection, TRANSACTIONS, "transactions", _charge(f"{at} - i * {_MINUTE_US // 2}"))
        _put(connection, TRANSACTIONS // 5, "orders", _order(f"{at} - i * {_MINUTE_US // 2}"))
        _put(connection, TRANSACTIONS // 5, "matches", {
            "provider": "'digiseller'", "ref": "CAST(i AS TEXT)", "order_id": "'o' || i", "rule": "'reference'",
        })  # fmt: skip
        _put(connection, 50_000, "accounts", {
            "account_id": "'a' || i", "email": "'b' || i || '@x.org'", "status": "'active'", "updated_at": str(at),
        })  # fmt: skip
        _put(connection, FINDINGS, "cases", _case(minute))
        _put(connection, FINDINGS, "findings", _finding(minute, at))
        for table, values in _books(minute).items():
            _put(connection, BOOKS, table, values)
        connection.execute(sa.text("DELETE FROM changes"))
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("ANALYZE"))  # as its autovacuum does within a minute


def _put(connection: sa.Connection, rows: int, table: str, values: dict[str, str]) -> None:
    """Rows with a number `i` each, made by the database itself: many times faster than sent to it."""
    if connection.dialect.name == "postgresql":
        documents = {column.name for column in metadata.tables[table].c if isinstance(column.type, sa.JSON)}
        values = {name: f"CAST({made} AS JSON)" if name in documents else made for name, made in values.items()}
    numbers = f"WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {rows - 1})"
    made = f"INSERT INTO {table} ({', '.join(values)}) {numbers} SELECT {', '.join(values.values())} FROM n"
    connection.exec_driver_sql(made, execution_options={"no_parameters": True})


def _charge(time: str) -> dict[str, str]:
    return {
        "provider": "'digiseller'", "ref": "CAST(i AS TEXT)",
        "kind": f"CASE WHEN {_BACK} THEN 'refund' ELSE 'charge' END",
        "status": f"CASE WHEN {_BACK} THEN 'completed' ELSE 'paid' END",
        "parent_ref": f"CASE WHEN {_BACK} THEN CAST(i - 1 AS TEXT) END",
        "amount_minor": "1000 + i", "currency": "'WMZ'", "occurred_at": time, "occurred_text": "''",
        "occurred_exact": "true", "group_ref": "CAST(i AS TEXT)", "shared": "false", "recurring": "false",
        "seller_started": "false", "listed": "true", "first_seen_at": time, "buyer_email": "'b' || i || '@x.org'",
    }  # fmt: skip


def _order(time: str) -> dict[str, str]:
    return {
        "order_id": "'o' || i", "provider": "'digiseller'", "provider_ref": "CAST(i AS TEXT)",
        "account_id": "'a' || (i % 50000)", "buyer_email": "'b' || i || '@x.org'", "amount_minor": "1000 + i",
        "currency": "'USD'", "status": "'delivered'", "created_at": time, "delivered_at": time, "updated_at": time,
    }  # fmt: skip


def _case(time: str) -> dict[str, str]:
    return _ABOUT | {
        "id": "'case' || i", "root": "'charge:digiseller/' || (i * 5)", "version": "1", "ref": "CAST(i * 5 AS TEXT)",
        "said": f"'{json.dumps(_SHOWN)}'", "reopened": "false", "opened_at": time, "updated_at": time,
        "urgency": f"{UNHURRIED} + CASE WHEN i % 5 = 0 THEN 0 ELSE 1 END",
    }  # fmt: skip


def _finding(time: str, now: int) -> dict[str, str]:
    values = {name: f"' || {_ABOUT[name]} || '" for name in ("kind", "severity", "order_id", "account_id")}
    said = json.dumps(_SAID | values | {"transaction_ids": ["' || (i * 5) || '"]})
    return _ABOUT | {
        "id": "'finding' || i", "subject": "'charge:digiseller/' || (i * 5)", "document": f"'{said}'",
        "first_seen_at": time, "last_seen_at": str(now), "case_id": "'case' || i",
        "surplus": "CASE WHEN i % 4 = 0 THEN '[\"' || (i * 5) || '\"]' END",
    }  # fmt: skip


def _books(time: str) -> dict[str, dict[str, str]]:
    return _histories(time) | _queues(time)


def _histories(time: str) -> dict[str, dict[str, str]]:
    return {
        "case_events": {
            "case_id": "'case' || i", "number": "1", "at": time, "actor": "'reconciler'", "event": "'opened'",
            "note": "''", "before": "'{}'", "after": "'{}'",
        },
        "finding_events": {
            "finding_id": "'finding' || i", "number": "1", "at": time, "event": "'opened'", "note": "''",
            "document": "'{}'",
        },
        "disputes": {
            "id": "'d' || i", "provider": "'digiseller'", "ref": "CAST(i * 50 AS TEXT)", "amount_minor": "1000",
            "currency": "'WMZ'", "reason_code": "'10.4'", "opened_at": f"{time} - i * {25 * _MINUTE_US}",
            "origin": "'operator'", "recorded_at": time, "state": "'open'", "stage": "'opened'", "round": "1",
            "due_given": "false",
        },
        "audit_records": {
            "number": "i + 1000", "at": time, "kind": "'case.decided'", "subject": "'case' || i", "actor": "'ann'",
            "data": "'{}'", "hash": "'x'",
        },
        "paid_counts": {
            "quarter": f"({time}) / 900000000", "provider": "'digiseller'", "currency": "'WMZ' || (i % 15)",
            "count": "30",
        },
    }  # fmt: skip


def _queues(time: str) -> dict[str, dict[str, str]]:
    return {
        "outbox": {
            "channel": "'telegram:1'", "key": "'k' || i", "body": "'{}'",
            "state": "CASE i % 100 WHEN 0 THEN 'held' WHEN 1 THEN 'todo' ELSE 'sent' END", "created_at": time,
            "due_at": time, "failures": "0", "epoch": "0", "note": "''",
        },
        "webhooks": {
            "provider": "'tribute'", "name": "'new_digital_product'", "key": "'k' || i", "content": "''",
            "late": "false", "old_key": "false", "method": "'POST'", "query": "''", "headers": "''", "body": "''",
            "received_at": time, "last_received_at": time, "deliveries": "1", "state": "'done'", "result": "''",
            "looks": "0",
        },
        "alerts": {
            "id": "'al' || i", "kind": "'finding'", "subject": "''", "severity": "'warning'",
            "state": "CASE i % 50 WHEN 0 THEN 'open' ELSE 'resolved' END", "said": "'{}'", "opened_at": time,
            "repeats": "0",
        },
    }  # fmt: skip
