"""`status`: the last runs, how old the feeds are, what is open, what waits, and the head of the audit chain."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from reconciler.cli import session
from reconciler.cli.options import AsJson

if TYPE_CHECKING:
    import sqlalchemy as sa
    from rich.console import RenderableType

    from reconciler.alerts.troubles import Trouble
    from reconciler.audit import Record
    from reconciler.settings import Settings

RUNS = 5
"""Runs that are shown."""
HELD = 10
"""Held entries of the outbox that are named; the rest are counted."""


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the last runs, the feeds' ages, open findings and queue lengths."""
    from reconciler.cli import screen
    from reconciler.store.engine import read

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        state = gather(connection, settings, session.now())
    if as_json:
        screen.emit(state)
    else:
        screen.show(*_text(state, session.zone_of(settings)))


def gather(connection: "sa.Connection", settings: "Settings", now: datetime) -> dict[str, Any]:
    """The state of everything as JSON values; ages in whole seconds."""
    from jobs import troubles
    from reconciler import config
    from reconciler.findings import iso
    from reconciler.store import audit, inbox, outbox, queries
    from reconciler.store.alert_views import counts as alert_counts
    from reconciler.store.case_views import counts
    from reconciler.store.facts import feed_rows
    from reconciler.store.ratio import ratios
    from reconciler.store.runs import recent_runs

    return {
        "at": iso(now),
        "database": {"url": config.masked(settings)["database"]["url"], "state": "ok"},
        "runs": [_run(row) for row in recent_runs(connection, RUNS)],
        "feeds": [_feed(row, now) for _, row in sorted(feed_rows(connection).items())],
        "findings": _findings(queries.open_findings(connection)),
        "queues": {
            "quarantine": queries.quarantined(connection),
            "webhooks": inbox.waiting(connection),
            "outbox": outbox.lengths(connection),
        },
        "held": [_held(row) for row in outbox.entries(connection, states=["held"])],
        "audit": _chain(audit.head(connection)),
        "alerts": alert_counts(connection),
        "troubles": [_trouble(one) for one in troubles.find(connection, settings, now)],
        "cases": counts(connection, now),
        "chargeback_ratio": ratios(connection, settings, now),
    }


def _trouble(one: "Trouble") -> dict[str, Any]:
    return {"area": one.area, "subject": one.subject, "severity": one.severity, "title": one.title, "text": one.text}


def _held(row: Mapping[str, Any]) -> dict[str, Any]:
    from reconciler.findings import iso

    return {"key": row["key"], "channel": row["channel"], "since": iso(row["finished_at"]), "note": row["note"]}


def _chain(last: "Record | None") -> dict[str, Any]:
    return {"records": last.number if last else 0, "head": last.hash if last else None}


def _run(row: Mapping[str, Any]) -> dict[str, Any]:
    from reconciler.findings import iso

    return {
        "run_id": str(row["id"]),
        "started_at": iso(row["started_at"]),
        "finished_at": iso(row["finished_at"]),
        "verdict": row["verdict"],
        "problems": row["problems"] or [],
    }


def _feed(row: Any, now: datetime) -> dict[str, Any]:
    from reconciler.findings import iso

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


def _text(state: Mapping[str, Any], zone: ZoneInfo) -> "Iterator[RenderableType]":
    from reconciler.cli import screen

    yield screen.text(f"Database {state['database']['url']}")
    if not state["runs"]:
        yield "Nothing has run yet. Check the set-up with `reconciler doctor`, then start with `reconciler run`."
        return
    for trouble in state["troubles"]:
        yield screen.text(f"{trouble['title']}. {trouble['text']}", "bold red")
    yield from _runs_text(state["runs"], zone)
    yield from _feeds_text(state["feeds"], zone)
    yield from _findings_text(state["findings"])
    yield from _cases_text(state)
    waiting = state["queues"]["quarantine"]
    yield f"\nWebhooks with work left: {state['queues']['webhooks']:,}"
    yield f"In quarantine: {waiting:,}" + (". See `reconciler quarantine list`." if waiting else "")
    yield from _outbox_text(state["queues"]["outbox"], state["held"])
    told = state["alerts"]
    yield f"Alerts: {told['open']:,} not acknowledged, {told['acknowledged']:,} acknowledged and not over."
    yield f"Audit: {state['audit']['records']:,} records, head {state['audit']['head']}"


def _outbox_text(lengths: Mapping[str, Any], held: list[dict[str, Any]]) -> "Iterator[RenderableType]":
    from reconciler.cli import screen

    for channel, count in sorted(lengths.items()):
        style = "bold red" if count["held"] else ""
        yield screen.text(f"To deliver ({channel}): {count['todo']:,}; held: {count['held']:,}", style)
    for entry in held[:HELD]:
        yield screen.indented(screen.text(f"{entry['key']}: {entry['note']}"), 2)
    if held:
        yield "See `reconciler outbox list --state held`; `reconciler outbox retry` tries again."


def _runs_text(runs: list[dict[str, Any]], zone: ZoneInfo) -> "Iterator[RenderableType]":
    from reconciler.cli import screen, tables
    from reconciler.report import shown
    from reconciler.report.texts import say

    table = tables.plain_table("Run", "Started", "Verdict", "Problems")
    for run in runs:
        verdict = say(f"verdict.{run['verdict']}") if run["verdict"] else "not finished"
        problems = screen.text("; ".join(run["problems"]))
        started = shown.time(run["started_at"], zone)
        table.add_row(run["run_id"], started, screen.text(verdict, screen.STYLES.get(run["verdict"], "")), problems)
    yield ""
    yield table


def _feeds_text(feeds: list[dict[str, Any]], zone: ZoneInfo) -> "Iterator[RenderableType]":
    from reconciler.cli import screen, tables
    from reconciler.report import shown

    table = tables.plain_table("Feed", "Last success", "Complete until", "Error")
    for feed in feeds:
        age = "never" if feed["age_s"] is None else f"{shown.age(feed['age_s'])} ago"
        until = shown.time(feed["complete_until"], zone)
        table.add_row(screen.text(feed["name"]), age, until, screen.text(feed["error"] or "", "yellow"))
    yield ""
    yield table


def _findings_text(findings: Mapping[str, Any]) -> "Iterator[RenderableType]":
    from reconciler.cli import screen, tables
    from reconciler.report.texts import say, title

    if not findings["open"]:
        yield "\nNo finding is open."
        return
    table = tables.plain_table("Open findings", "Count", "Severity")
    order = list(findings["by_severity"])
    for kind, row in sorted(findings["by_kind"].items(), key=lambda item: (order.index(item[1]["severity"]), item[0])):
        severity = screen.text(say(f"severity.{row['severity']}"), screen.STYLES[row["severity"]])
        table.add_row(title(kind), f"{row['count']:,}", severity)
    yield ""
    yield table


def _cases_text(state: Mapping[str, Any]) -> "Iterator[RenderableType]":
    from reconciler.cli import screen

    numbers = state["cases"]
    late = f", {numbers['overdue']:,} overdue" if numbers["overdue"] else ""
    yield f"\nCases: {numbers['open']:,} open{late}, {numbers['decided']:,} decided and under way."
    for row in state["chargeback_ratio"]:
        if row["state"] in {"near", "over"}:
            said = f"{row['percent']} % of {row['charges']:,} charges ({row['provider']}, {row['currency']})"
            line = f"Chargebacks in {row['month']}: {said}; the limit is {row['limit_percent']} %"
            yield screen.text(line, "bold red" if row["state"] == "over" else "yellow")
