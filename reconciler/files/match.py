"""`match`: two files in, matches, findings and the books out, the same bytes for the same rows in any order."""

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reconciler import statement
from reconciler.columns import from_us
from reconciler.detectors import OF_MATCHING, Context
from reconciler.detectors.base import Row
from reconciler.files import inputs, sources
from reconciler.files.engine import DuckEngine, open_engine
from reconciler.findings import OPEN, document, finding_id, iso
from reconciler.matching import run
from reconciler.matching.terms import Terms

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


class Clock:
    """Seconds and peak memory by step, for `timing.json`."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        """`notify` hears of every step as it begins."""
        self.steps: list[dict[str, Any]] = []
        self._notify = notify

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block."""
        self._notify(name)
        began = time.perf_counter()
        yield
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.steps.append(
            {"step": name, "seconds": round(time.perf_counter() - began, 3), "peak_memory_mib": peak // 1024}
        )


def match_files(
    charges: Path,
    orders: Path,
    out: Path,
    terms: Terms,
    *,
    as_of: datetime | None = None,
    memory_limit: str = "1GB",
    notify: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """Reconcile two files and write `matches.parquet`, `findings.parquet`, `summary.json` and `timing.json`.

    Returns the summary. Raises ConfigError with one line for a file that cannot be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    clock = Clock(notify)
    with tempfile.TemporaryDirectory(prefix="match-", dir=out) as name:
        folder = Path(name)
        engine = open_engine(folder, memory_limit)
        with clock.step("reading the files"):
            sources.load(engine, charges, sources.CHARGES)
            sources.load(engine, orders, sources.ORDERS)
        with clock.step("preparing"):
            engine.prepare()
            inputs.fill(engine, terms)
            context = Context(terms, inputs.horizon(engine, as_of))
        with clock.step("matching"):
            run.match(engine, terms, context.horizon)
        with clock.step("judging"):
            counts = _write_findings(engine, context, folder)
        with clock.step("counting"):
            summary = _summary(engine, context, counts)
        with clock.step("writing"):
            _copy(engine, _MATCHES, folder / "matches.parquet")
        _put(folder / "summary.json", summary)
        _put(folder / "timing.json", {"steps": clock.steps})
        engine.connection.close()
        for written in ("matches.parquet", "findings.parquet", "summary.json", "timing.json"):
            (folder / written).replace(out / written)
    return summary


_MATCHES = "SELECT provider, ref, order_id, rule FROM m_tie ORDER BY provider, ref, order_id"


def _write_findings(engine: DuckEngine, context: Context, folder: Path) -> dict[str, dict[str, Any]]:
    """Findings go to disk one by one as lines, so that a million of them fit; then sorted into Parquet."""
    lines = folder / "findings.jsonl"
    seen_at = iso(from_us(context.horizon.now_us))
    counts: dict[str, dict[str, Any]] = {}
    with lines.open("w", encoding="utf-8") as file:
        for detector in OF_MATCHING:
            for finding in detector.judge(_rows(engine, detector.candidates(context)), context):
                said = document(finding)
                row = {"id": finding_id(finding.kind, finding.subject), **said, "status": OPEN}
                row |= {"first_seen_at": seen_at, "last_seen_at": seen_at}
                file.write(json.dumps({name: row.get(name) for name in _FINDING}, ensure_ascii=False) + "\n")
                counts.setdefault(finding.kind, {"count": 0, "severity": finding.severity})["count"] += 1
    columns = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in _FINDING.items()) + "}"
    quoted = str(lines).replace("'", "''")
    source = f"read_json('{quoted}', format = 'newline_delimited', columns = {columns})"
    _copy(engine, f"SELECT * FROM {source} ORDER BY kind, id", folder / "findings.parquet")
    return dict(sorted(counts.items()))


def _rows(engine: DuckEngine, source: sa.Select[Any]) -> Iterator[Row]:
    return engine.rows(source)


def _summary(engine: DuckEngine, context: Context, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counts and totals per currency, and whether the statement's identities close."""
    open_now = statement.open_now(context.terms, context.horizon).subquery("now")
    still = [
        dict(row)
        for row in engine.rows(
            sa.select(
                open_now.c.provider,
                open_now.c.currency,
                sa.func.count().label("count"),
                sa.func.sum(open_now.c.amount_minor).label("minor"),
            ).group_by(open_now.c.provider, open_now.c.currency)
        )
    ]
    given = (
        "SELECT provider, upper(currency) AS currency, {what} AS class, count(*) AS count, sum(amount_minor) AS minor"
    )
    accounts = statement.books(
        charges=_query(engine, given.format(what="status") + " FROM charges WHERE kind = 'charge' GROUP BY ALL"),
        classes=engine.rows(statement.paid_classes(context.terms, context.horizon)),
        items=[row | {"class": name} for row in still for name in ("opened", "end")],
        reversals=[
            *_query(
                engine,
                given.format(what="'received'")
                + " FROM charges WHERE kind != 'charge' AND status != 'withdrawn' GROUP BY ALL",
            ),
            *engine.rows(statement.reversal_classes()),
        ],
    )
    tied = engine.connection.execute("SELECT rule, count(*) FROM m_tie GROUP BY rule ORDER BY rule").fetchall()
    alarming = any(row["severity"] != "info" for row in counts.values())
    return {
        "as_of": iso(from_us(context.horizon.now_us)),
        "verdict": statement.verdict(accounts, complete=True, alarming=alarming),
        "closes": not any(account.broken() for account in accounts),
        "matches": dict(tied),
        "findings": dict(counts),
        "providers": [account.shown() for account in accounts],
    }


def _query(engine: DuckEngine, text: str) -> list[dict[str, Any]]:
    cursor = engine.connection.execute(text)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _copy(engine: DuckEngine, query: str, path: Path) -> None:
    """One thread writes: the order of rows, and so the bytes, depends on nothing else."""
    engine.run("SET threads = 1")
    engine.run("SET preserve_insertion_order = true")
    quoted = str(path).replace("'", "''")
    engine.run(f"COPY ({query}) TO '{quoted}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")
    engine.run("RESET threads")
    engine.run("SET preserve_insertion_order = false")


def _put(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
