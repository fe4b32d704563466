"""Cases as text for a terminal: the queue, one case, and what a decision did."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.text import Text

from reconciler.cli.screen import STYLES, indented, text
from reconciler.cli.tables import labelled, plain_table
from reconciler.report import shown
from reconciler.report.texts import say, title

Shown = Mapping[str, Any]


def queue(rows: Sequence[Shown], zone: ZoneInfo) -> Iterator[RenderableType]:
    """The queue, one line for each case."""
    if not rows:
        yield "No case waits for a decision."
        return
    table = plain_table("Case", "About", "State", "At stake", "Recommended", "Due", "Owner")
    for row in rows:
        style = STYLES.get(row["severity"], "") if row["status"] == "open" else "dim"
        table.add_row(
            text(row["id"], "dim"),
            text(heading(row), style),
            text(_state(row)),
            text(shown.money(row["amount"], row["currency"]) if row["amount"] else ""),
            text(_advice(row)),
            text(_due(row, zone)),
            text(row["owner"] or ""),
        )
    yield table
    yield f"\n{len(rows):,} cases. `reconciler cases show CASE` tells all about one." if len(rows) > 1 else ""


def heading(row: Shown) -> str:
    """What a case is about: its kind, and the charge or order."""
    kind = title(row["kind"])
    about = row["transaction_id"] or row["order_id"]
    return f"{kind} {about}" if about else kind


def head(row: Shown, zone: ZoneInfo) -> Iterator[RenderableType]:
    """The most important of one case: what it is, what the policy says, by when."""
    yield Text.assemble(text(heading(row), "bold"), f"  {_state(row)}  ", text(row["id"], "dim"))
    yield text(row["because"])
    clause = f" (policy {row['policy_clause']})" if row["policy_clause"] else ""
    yield indented(text(f"Recommended: {_advice(row)}{clause}"), 2)
    for ask in row["ask_for"]:
        yield indented(text(f"Ask for: {ask}"), 2)
    if row["due_at"]:
        yield indented(text(f"Due: {_due(row, zone)}"), 2)
    if row["proposals"]:
        names = ", ".join(row["proposals"])
        yield indented(text(f"To be confirmed: {names} (reconciler cases decide {row['id']} --action …)"), 2)


def whole(row: Shown, zone: ZoneInfo) -> Iterator[RenderableType]:
    """Everything about one case."""
    yield from head(row, zone)
    yield from _facts(row)
    for check in row["checks"]:
        mark = Text("passed  ", "green") if check["passed"] else Text("failed  ", "bold red")
        yield indented(Text.assemble(mark, text(check["says"])), 2)
    for finding in row["findings"]:
        yield indented(text(f"Finding {finding['id']} {finding['status']}: {finding['explanation']}"), 2)
    for one in row["chargebacks"]:
        left = f", {_answer_by(one, zone)}" if one["due_at"] else ""
        amount = shown.money(one["amount"], one["currency"])
        yield indented(text(f"Chargeback {one['id']}: {amount}, reason {one['reason']}, {one['stage']}{left}"), 2)
    for command in row["commands"]:
        yield indented(text(f"Command {command['type']} for {command['account_id']}: {command['state']}"), 2)
    yield from _timeline(row["timeline"], zone)


def _answer_by(one: Shown, zone: ZoneInfo) -> str:
    """The deadline of a chargeback, and whether it is the provider's or only the usual one."""
    days = one["days_left"]
    left = f"{days} days left" if days > 0 else "less than a day left" if days == 0 else "overdue"
    given = "" if one["due_given"] else "; assumed from the usual days, as the provider named no date"
    return f"answer by {shown.time(one['due_at'], zone)} ({left}{given})"


def decided(done: Sequence[Shown], refused: Sequence[Shown], *, dry_run: bool) -> Iterator[RenderableType]:
    """What decisions did, or would do."""
    for one in done:
        case, decision = one["case"], one["case"]["decision"]
        if one["waits_for_second"]:
            word = "Would ask" if dry_run else "Asked"
            asked = case["pending"]
            yield text(
                f"{word} to {asked['action']} in case {case['id']}: it waits for a second operator to decide it too."
            )
            continue
        word = "Would decide" if dry_run else "Decided"
        yield text(f"{word} case {case['id']}: {decision['action'] if decision else 'nothing'}, by {_by(decision)}.")
        for refund in one["refunds"]:
            yield indented(text(f"Refund {refund['amount']} {refund['currency']} of {refund['ref']}: approved."), 2)
        for id_ in one["dismissed_finding_ids"]:
            yield indented(text(f"Finding {id_}: dismissed."), 2)
        if one["command"]:
            yield indented(text(json.dumps(one["command"], ensure_ascii=False, indent=2)), 2)
    for one in refused:
        yield text(f"Refused for {one['id']}: {one['why']}", "red")


def _by(decision: Shown | None) -> str:
    names = (decision["requested_by"], decision["by"]) if decision else ()
    return ", ".join(name for name in names if name) or "nobody"


def _facts(row: Shown) -> Iterator[RenderableType]:
    decision, pending = row["decision"], row["pending"]
    facts = {
        "At stake": shown.money(row["amount"], row["currency"]) if row["amount"] else None,
        "Order": row["order_id"],
        "Account": row["account_id"],
        "Owner": row["owner"],
        "Decided": f"{decision['action']} by {_by(decision)}: {decision['note']}" if decision else None,
        "Waits for a second operator": f"{pending['action']}, asked by {pending['by']}" if pending else None,
        "Snoozed until": row["snoozed_until"] or row["snoozed_above"],
        "Also": ", ".join(row["related_case_ids"]),
        "Version": row["version"],
    }
    yield labelled(facts)


def _timeline(entries: Sequence[Shown], zone: ZoneInfo) -> Iterator[RenderableType]:
    yield Text("\nTimeline", "bold")
    for one in entries:
        note = f": {one['note']}" if one["note"] else ""
        yield indented(text(f"{shown.time(one['at'], zone)}  {one['actor']}  {one['event']}{note}"), 2)
        changed = [f"{name} {one['before'].get(name)} → {value}" for name, value in one["after"].items()]
        if one["event"] == "changed":
            yield indented(text("; ".join(changed), "dim"), 4)


def _state(row: Shown) -> str:
    return row["status"] if row["status"] != "open" else f"{row['status']}, {row['phase']}"


def _advice(row: Shown) -> str:
    said = say("advice." + row["recommendation"])
    amount = row["refundable_amount"]
    return said if amount is None else f"{said}, up to {shown.money(amount, row['currency'])}"


def _due(row: Shown, zone: ZoneInfo) -> str:
    if not row["due_at"]:
        return ""
    days = row["days_left"]
    left = "overdue" if row["due_state"] == "overdue" else f"{days} days left" if days else "less than a day left"
    doubt = "" if row["due_known"] else ", the calendar of that year is not out yet"
    return f"{shown.time(row['due_at'], zone)} ({left}{doubt})"
