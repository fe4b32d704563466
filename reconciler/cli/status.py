"""`status`: the last runs, how old the feeds are, what is open, what waits, and the head of the audit chain."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from reconciler.cli import session
from reconciler.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import RenderableType

    from reconciler.alerts.troubles import Trouble
HELD = 10
"""Held entries of the outbox that are named; the rest are counted."""


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the last runs, the feeds' ages, open findings and queue lengths."""
    from jobs import troubles
    from reconciler.cli import screen
    from reconciler.store.engine import read
    from reconciler.store.status import gather

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        now = session.now()
        found = troubles.find(connection, settings, now)
        state = gather(connection, settings, now) | {"troubles": [_trouble(one) for one in found]}
    if as_json:
        screen.emit(state)
    else:
        screen.show(*_text(state, session.zone_of(settings)))


def _trouble(one: "Trouble") -> dict[str, Any]:
    return {"area": one.area, "subject": one.subject, "severity": one.severity, "title": one.title, "text": one.text}


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
