"""Writes what was concluded of two inputs: matches, findings, and the books, the same bytes for the same rows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler import statement
from reconciler.columns import from_us
from reconciler.detectors import OF_MATCHING, Context
from reconciler.files.engine import DuckEngine, quoted
from reconciler.files.settled import SET_ASIDE
from reconciler.findings import OPEN, document, finding_id, iso

_FINDING = {
    "id": "VARCHAR",
    "kind": "VARCHAR",
    "severity": "VARCHAR",
    "status": "VARCHAR",
    "provider": "VARCHAR",
    "transaction_ids": "VARCHAR[]",
    "related_transaction_ids": "VARCHAR[]",
    "order_id": "VARCHAR",
    "account_id": "VARCHAR",
    "amount": "VARCHAR",
    "currency": "VARCHAR",
    "reason": "VARCHAR",
    "policy_clause": "VARCHAR",
    "recommendation": "VARCHAR",
    "refundable_amount": "VARCHAR",
    "explanation": "VARCHAR",
    "differences": "STRUCT(field VARCHAR, provider VARCHAR, shop VARCHAR)[]",
    "first_seen_at": "VARCHAR",
    "last_seen_at": "VARCHAR",
    "resolved_at": "VARCHAR",
    "case_id": "VARCHAR",
}
"""The keys of a finding and their types in `findings.parquet`."""

MATCHES = f"""
SELECT provider, ref, order_id, rule FROM (
    SELECT provider, ref, order_id, 'reference' AS rule, occurred_us FROM {SET_ASIDE}
    UNION ALL
    SELECT t.provider, t.ref, t.order_id, t.rule, c.occurred_us
    FROM m_tie t JOIN m_charge c ON c.provider = t.provider AND c.ref = t.ref
) ORDER BY occurred_us, provider, ref
"""
"""Every match, the oldest charge first: sorting by a number costs half of sorting by text."""

FINDINGS = "SELECT * FROM finding ORDER BY kind, id"

_PARQUET = "FORMAT parquet, ROW_GROUP_SIZE 122880, STRING_DICTIONARY_PAGE_SIZE_LIMIT 4096"
"""A dictionary of ids that hardly repeat is not worth making: past a few kilobytes text is written as it is."""


def judge(engine: DuckEngine, context: Context, folder: Path) -> dict[str, dict[str, Any]]:
    """Fill `finding`; returns count and severity by kind.

    They go to disk one by one as lines, so that a million of them fit.
    """
    lines = folder / "findings.jsonl"
    counts: dict[str, dict[str, Any]] = {}
    with lines.open("w", encoding="utf-8") as file:
        for row in _found(engine, context):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            counts.setdefault(row["kind"], {"count": 0, "severity": row["severity"]})["count"] += 1
    columns = "{" + ", ".join(f"{name}: {quoted(kind)}" for name, kind in _FINDING.items()) + "}"
    source = f"read_json({quoted(lines)}, format = 'newline_delimited', columns = {columns})"
    engine.run(f"CREATE TABLE finding AS SELECT * FROM {source}")
    return dict(sorted(counts.items()))


def _found(engine: DuckEngine, context: Context) -> Iterator[dict[str, Any]]:
    seen_at = iso(from_us(context.horizon.now_us))
    for detector in OF_MATCHING:
        for finding in detector.judge(engine.rows(detector.candidates(context)), context):
            said = document(finding) | {"id": finding_id(finding.kind, finding.subject), "status": OPEN}
            said |= {"first_seen_at": seen_at, "last_seen_at": seen_at}
            yield {name: said.get(name) for name in _FINDING}


def summary(engine: DuckEngine, context: Context, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counts and totals per currency, and whether the statement's identities close."""
    accounts = _books(engine, context)
    rules = engine.all(
        f"SELECT rule, sum(count)::BIGINT FROM (SELECT 'reference' AS rule, count(*) AS count FROM {SET_ASIDE} "
        "UNION ALL SELECT rule, count(*) FROM m_tie GROUP BY rule) GROUP BY rule HAVING sum(count) > 0 ORDER BY rule"
    )
    alarming = any(row["severity"] != "info" for row in counts.values())
    return {
        "as_of": iso(from_us(context.horizon.now_us)),
        "verdict": statement.verdict(accounts, complete=True, alarming=alarming),
        "closes": not any(account.broken() for account in accounts),
        "matches": dict(rules),
        "findings": dict(counts),
        "providers": [account.shown() for account in accounts],
    }


def _books(engine: DuckEngine, context: Context) -> list[statement.Account]:
    """What was received is counted from the inputs, what became of it from the results."""
    paid = list(engine.rows(statement.paid_classes(context.terms, context.horizon)))
    still = [row for row in paid if row["class"] == "open"]
    return statement.books(
        charges=_totals(engine, "status", "charges WHERE kind = 'charge'"),
        classes=[*_totals(engine, "'matched'", SET_ASIDE), *paid],
        items=[{**row, "class": name} for row in still for name in ("opened", "end")],
        reversals=[
            *_totals(engine, "'received'", "charges WHERE kind != 'charge' AND status != 'withdrawn'"),
            *engine.rows(statement.reversal_classes()),
        ],
    )


def _totals(engine: DuckEngine, group: str, source: str) -> list[dict[str, Any]]:
    rows = engine.all(
        f"SELECT provider, currency, {group}, count(*), sum(amount_minor) FROM {source} GROUP BY ALL ORDER BY ALL"
    )
    return [dict(zip(("provider", "currency", "class", "count", "minor"), row, strict=True)) for row in rows]


def copy(engine: DuckEngine, query: str, path: Path) -> None:
    """One thread writes: the order of rows, and so the bytes, depends on nothing else."""
    engine.run("SET threads = 1")
    engine.run("SET preserve_insertion_order = true")
    engine.run(f"COPY ({query}) TO {quoted(path)} ({_PARQUET})")
    engine.run("RESET threads")
    engine.run("SET preserve_insertion_order = false")
