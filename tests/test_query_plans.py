"""A run that has little to judge never reads through what has piled up: shown on the plans of all its statements."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.reconcile import reconcile
from providers import NAMES
from reconciler import schema
from reconciler.columns import to_us
from reconciler.model import Payment, Signal, Status
from reconciler.store.engine import open_store, read, write
from reconciler.store.needs import refs_to_read
from tests.builders import (
    NOW,
    Approval,
    Quarantined,
    World,
    account,
    ago,
    charge,
    looked_up,
    order,
    refund,
    settings,
    tribute_charge,
    tribute_order,
)
from tests.webhook_world import Pushed, events, sample_event

HISTORY = {
    "transactions", "orders", "accounts", "payments", "charge_states", "echoes", "signals", "refund_approvals",
    "raw_records", "quarantine", "matches", "bookings", "findings", "finding_events", "runs",
    "disputes", "dispute_stages", "cases", "case_events", "commands", "webhooks",
}  # fmt: skip
INDEXED = {str(index.name): table.name for table in schema.metadata.sorted_tables for index in table.indexes}
INDEXED |= {f"pk_{table.name}": table.name for table in schema.metadata.sorted_tables}
START = to_us(NOW - timedelta(days=80))
ROWS = 3_000
DEAR = {"options": "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c random_page_cost=1"}
"""So short a past PostgreSQL rightly reads as a whole; with these, only what has no index is still read so. Its rows
are at hand, as those of a long past are that a run works on."""
COARSE = {"provider", "kind", "status", "currency", "state", "rule", "class", "shared", "recurring", "old", "severity"}
"""Columns that say one of a few things: who asks an index for nothing else reads through a good part of the past."""
OPEN_ITEMS = (
    "ix_quarantine_held", "ix_cases_standing", "ix_transactions_chargebacks", "ix_transactions_recurring",
)  # fmt: skip
"""Indexes of what waits for somebody, and of chargebacks and standing orders: these are few, in whatever past."""
BY_STATE = (
    "ix_findings_status_kind_severity", "ix_findings_listed_by_status", "ix_findings_surplus", "ix_webhooks_state",
)  # fmt: skip
"""Indexes in which what is open stands together: few rows too, but only for who asks for a state."""
ENDS = ("ix_webhooks_provider_id", "ix_runs_finished_at")
"""Indexes that are asked for their first or last row."""
PAST = {
    "transactions": {
        "provider": "'digiseller'", "ref": "'h' || i", "status": "'paid'",
        "kind": "CASE WHEN i / 50 * 50 = i THEN 'chargeback' ELSE 'charge' END", "amount_minor": "1000",
        "currency": "'WMZ'", "occurred_at": "{time}", "occurred_text": "''", "occurred_exact": "true",
        "parent_ref": "CASE WHEN i / 50 * 50 = i THEN 'h' || (i - 1) END", "group_ref": "'h' || i",
        "shared": "i / 3 * 3 = i", "account_id": "'a' || (i / 10)",
        "recurring": "false", "buyer_email": "'b' || (i / 10) || '@x.example'", "telegram_user_id": "'t' || (i / 10)",
        "code_hash": "'c' || i", "seller_started": "false", "listed": "true", "first_seen_at": "{start}",
    },
    "orders": {
        "order_id": "'o' || i", "provider": "'digiseller'", "provider_ref": "'h' || i", "code_hash": "'c' || i",
        "account_id": "'a' || (i / 10)", "buyer_email": "'b' || (i / 10) || '@x.example'",
        "telegram_user_id": "'t' || (i / 10)", "amount_minor": "1000", "currency": "'USD'",
        "status": "CASE WHEN i / 3 * 3 = i THEN 'refunded' ELSE 'delivered' END",
        "created_at": "{time}", "delivered_at": "{start}", "updated_at": "{time}",
    },
    "accounts": {
        "account_id": "'a' || i", "email": "'b' || i || '@x.example'", "telegram_user_id": "'t' || i",
        "status": "'active'", "updated_at": "{start}",
    },
    "payments": {"order_id": "'o' || i", "provider": "'digiseller'", "provider_ref": "'h' || i"},
    "charge_states": {
        "provider": "'digiseller'", "ref": "'h' || i", "found": "true", "claimed": "true", "read_at": "{start}",
    },
    "echoes": {"provider": "'digiseller'", "ref": "'h' || i", "value": "'a' || (i / 10)"},
    "signals": {
        "provider": "'digiseller'", "ref": "'h' || i", "name": "'bad_review'", "active": "true", "text": "''",
        "first_seen_at": "{start}",
    },
    "refund_approvals": {
        "id": "'p' || i", "provider": "'digiseller'", "ref": "'h' || i", "amount_minor": "1000", "currency": "'WMZ'",
        "decided_by": "''", "note": "''", "recorded_at": "{time}",
    },
    "quarantine": {
        "provider": "'digiseller'", "source": "'s'", "key": "'h' || i", "reason": "''", "body": "'{{}}'",
        "first_seen_at": "{start}", "released_at": "{start}",
    },
    "matches": {"provider": "'digiseller'", "ref": "'h' || i", "order_id": "'o' || i", "rule": "'reference'"},
    "bookings": {
        "provider": "'digiseller'", "ref": "'h' || i", "kind": "'charge'", "currency": "'WMZ'", "amount_minor": "1000",
        "class": "'matched'", "quarter": "i",
    },
    "findings": {
        "id": "'f' || i", "kind": "'undelivered_order'", "subject": "'charge:h' || i", "severity": "'critical'",
        "status": "'resolved'", "document": "'{{}}'", "first_seen_at": "{start}", "last_seen_at": "{start}",
        "anchor": "'transaction:digiseller/h' || i", "case_id": "'c' || i",
    },
    "cases": {
        "id": "'c' || i", "root": "'past:' || i", "status": "'resolved'", "version": "1", "kind": "'x'",
        "severity": "'warning'", "provider": "'digiseller'", "ref": "'h' || i", "said": "'{{}}'", "reopened": "false",
        "opened_at": "{time}", "updated_at": "{time}",
    },
    "case_events": {
        "case_id": "'c' || i", "number": "1", "at": "{time}", "actor": "''", "event": "'opened'", "note": "''",
        "before": "'{{}}'", "after": "'{{}}'",
    },
    "disputes": {
        "id": "'d' || i", "provider": "'digiseller'", "ref": "'h' || i", "amount_minor": "1000", "currency": "'WMZ'",
        "reason_code": "'10.4'", "opened_at": "{time}", "origin": "''", "recorded_at": "{time}", "state": "'won'",
        "stage": "'won'", "round": "1", "due_given": "false",
    },
    "dispute_stages": {
        "dispute_id": "'d' || i", "number": "1", "stage": "'won'", "at": "{time}", "recorded_at": "{time}",
        "origin": "''",
    },
    "commands": {
        "command_id": "'m' || i", "account_id": "'a' || i", "seq": "i", "type": "'account.review'",
        "case_id": "'c' || i", "policy_clause": "'7'", "reason": "''", "decided_by": "''", "mode": "'manual'",
        "made_at": "{time}",
    },
    "webhooks": {
        "provider": "CASE WHEN i > {rows} - 10 THEN 'digiseller' ELSE 'other' END", "name": "'sale'",
        "key": "'k' || i", "content": "''", "ref": "'h' || i",
        "late": "false", "old_key": "false", "method": "'POST'", "query": "''", "headers": "''", "body": "''",
        "received_at": "{time}", "last_received_at": "{time}", "deliveries": "1", "state": "'done'", "result": "''",
        "looks": "0",
    },
    "finding_events": {
        "finding_id": "'f' || i", "number": "1", "at": "{start} + i", "event": "'opened'", "note": "''",
        "document": "'{{}}'",
    },
    "runs": {"started_at": "{start} + i", "finished_at": "{start} + i"},
}  # fmt: skip
"""A long past, row by row as expressions over a number `i`."""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A store with a long past on each database, judged."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/s.db"
    if not sqlite:
        given = sa.make_url(request.getfixturevalue("postgres_store"))
        url = given.update_query_dict(DEAR).render_as_string(hide_password=False)
    opened = open_store(url)
    World(opened).complete().judge()
    with write(opened) as connection:
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
        for table, values in PAST.items():
            filled = ", ".join(values.values()).format(
                rows=ROWS, start=START, time=f"{START} + i * CAST(3600000000 AS BIGINT)"
            )
            for rows in (filled, of_the_other(filled)):
                text = f"{numbers} SELECT {rows} FROM n"
                connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(values)}) {text}")
        connection.execute(sa.delete(schema.changes))
        if not sqlite:
            connection.exec_driver_sql("ANALYZE")
    yield opened
    opened.dispose()


def of_the_other(rows: str) -> str:
    """The same past of the other provider, under other names."""
    return re.sub(r"'(\w+:?)' \|\|", r"'t\1' ||", rows).replace("'digiseller'", "'tribute'")


def is_wide(index: str | None, compared: list[tuple[str, str]]) -> bool:
    """Whether an index is asked for coarse columns alone, or besides for no more than that something is there."""
    if index in (*OPEN_ITEMS, *ENDS) or (index in BY_STATE and compared):
        return False
    exact = {column for column, how in compared if how == "="}
    times = {column for column, how in compared if how != "=" and column.endswith("_at")}
    return exact <= COARSE and not times


def scanned_on_sqlite(cursor: Any, statement: str, parameters: Any) -> Iterator[tuple[str, str]]:
    """Tables that a statement reads from one end to the other, or by what picks a good part of them.

    SQLite reads a whole table, too, where it makes an index of its own for a statement.
    """
    named = dict(re.findall(r"\b(\w+) AS (\w+)\b", statement))
    tables = {alias: table for table, alias in named.items()}
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    for *_, line in cursor.fetchall():
        found = re.match(r"(?:SCAN|SEARCH) (\w+)", line)
        index, asked = re.search(r"INDEX (\w+)", line), re.search(r"\((.*)\)", line)
        compared = re.findall(r"(\w+)([=<>])", asked[1] if asked else "")
        if found and ("AUTOMATIC" in line or is_wide(index and index[1], compared)):
            yield tables.get(found[1], found[1]), line


def scanned_on_postgresql(cursor: Any, statement: str, parameters: Any) -> Iterator[tuple[str, str]]:
    """The same; an index that is read without a condition is read from one end to the other as well."""
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    nodes = [cursor.fetchone()[0][0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        compared = re.findall(r"(\w+)\)?(?:::\w+)? ([=<>])", node.get("Index Cond", ""))
        by_index = "Index Name" in node
        if node["Node Type"] == "Seq Scan" or (by_index and is_wide(node["Index Name"], compared)):
            table = node.get("Relation Name") or INDEXED.get(node["Index Name"], node["Index Name"])
            yield table, f"{node.get('Index Name')} {node.get('Index Cond')}"


def scans(engine: sa.Engine, **later: float) -> tuple[int, list[str]]:
    """Ask what a pull asks of the store, and run; how many statements, and which read through a table of the past."""
    found, count = [], 0
    explain = scanned_on_sqlite if engine.dialect.name == "sqlite" else scanned_on_postgresql

    def watch(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        nonlocal count
        if many or not re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement):
            return
        count += 1
        own = connection.connection.cursor()
        for table, how in explain(own, statement, parameters):
            if table in HISTORY:
                found.append(f"{table} ({how}): {statement}")
        own.close()

    sa.event.listen(engine, "before_cursor_execute", watch)
    now = NOW + timedelta(**later)
    try:
        with write(engine) as connection:
            for provider in NAMES:
                refs_to_read(connection, provider, now)
        Pushed(engine, now=now).work()
        reconcile(settings(), engine, lambda: now)
    finally:
        sa.event.remove(engine, "before_cursor_execute", watch)
    return count, found


READ_THROUGH = {
    "SELECT kind, severity FROM findings": "findings",
    "SELECT surplus FROM findings WHERE surplus IS NOT NULL": "findings",
    "SELECT state FROM webhooks ORDER BY state": "webhooks",
    "SELECT ref FROM transactions WHERE provider = 'digiseller'": "transactions",
    "SELECT a.ref FROM feeds CROSS JOIN transactions AS a WHERE a.product_id = feeds.name": "transactions",
}
LOOKED_UP = (
    "SELECT kind, severity FROM findings WHERE status = 'open'",
    "SELECT surplus FROM findings WHERE surplus IS NOT NULL AND status = 'open'",
    "SELECT ref FROM transactions WHERE provider = 'digiseller' AND ref = 'h7'",
    "SELECT ref FROM transactions WHERE provider = 'digiseller' AND parent_ref = 'h7'",
)


def test_what_reads_through_the_past_is_told_from_what_is_looked_up(engine: sa.Engine) -> None:
    explain = scanned_on_sqlite if engine.dialect.name == "sqlite" else scanned_on_postgresql
    with read(engine) as connection:
        for statement in (*READ_THROUGH, *LOOKED_UP):
            found = {table for table, _ in explain(connection.connection.cursor(), statement, ())} & set(HISTORY)
            assert found == ({READ_THROUGH[statement]} if statement in READ_THROUGH else set()), statement


def test_no_statement_of_a_run_reads_through_the_past(engine: sa.Engine) -> None:
    count, found = scans(engine, minutes=10)
    assert count > 5
    assert found == [], "a quiet run"
    World(engine).add(charge(), order(), looked_up(), tribute_charge(), tribute_order(), account("a7", balance_micro=5))
    World(engine).add(charge("h700", status=Status.PAID), order("o900", "h901"), refund("h55"), Approval("h77"))
    World(engine).add(Payment("o44", "digiseller", "h45"), Signal("digiseller", "h9", "code_refuted", True))
    World(engine).add(Quarantined("shop", "shop.orders", "A1", "no amount", {}), account("a9", email="n@x.example"))
    Pushed(engine).receive(*(sample_event(name) for name in events()))
    count, found = scans(engine, minutes=20)
    assert count > 50
    assert found == [], "a run over every kind of change"
    World(engine, now=NOW + timedelta(hours=3)).complete()
    World(engine).add(order("o900", "h901", buyer_email="other@x.example", updated_at=ago(hours=-1)))
    assert scans(engine, hours=3)[1] == [], "a run after a rest"
