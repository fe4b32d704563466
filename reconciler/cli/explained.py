"""One finding in full, told on the terminal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.text import Text

from reconciler.cli.screen import STYLES, indented, text
from reconciler.cli.tables import labelled, plain_table
from reconciler.report import shown
from reconciler.report.texts import say, title
from reconciler.store.stories import RULES, Story


def text_of(story: Story, zone: ZoneInfo) -> Iterator[RenderableType]:
    """The story for a person: the sentence first."""
    finding = story["finding"]
    word = say(f"severity.{finding['severity']}")
    state = say(f"status.{finding['status']}")
    yield Text.assemble((word, STYLES[finding["severity"]]), "  ", text(title(finding["kind"]), "bold"), f"  {state}")
    yield text(finding["explanation"])
    yield from _fields(story)
    yield from _facts(story, zone)
    yield from _clause(story["clause"])
    yield from _records_text(story["records"])
    yield from _history(story["history"], zone)


def _fields(story: Story) -> Iterator[RenderableType]:
    if not story["fields"]:
        return
    provider = story["finding"]["provider"]
    heading = say(f"provider.{provider}") if provider else say("column.provider")
    table = plain_table("", say("column.field"), heading, say("column.shop"))
    for one in story["fields"]:
        style = "bold red" if one["differs"] else ""
        sides = (shown.NOTHING if value is None else value for value in (one["provider"], one["shop"]))
        mark = "differs" if one["differs"] else ""
        table.add_row(Text(mark, style), text(one["field"]), *(text(side, style) for side in sides))
    yield indented(table, 2, above=1)


def _facts(story: Story, zone: ZoneInfo) -> Iterator[RenderableType]:
    finding = story["finding"]
    refundable = shown.money(finding["refundable_amount"], finding["currency"])
    facts = {
        "At stake": shown.money(finding["amount"], finding["currency"]),
        "Charges": shown.joined(finding["transaction_ids"]),
        "Related charges": shown.joined(finding["related_transaction_ids"]),
        "Order": finding["order_id"],
        "Account": finding["account_id"],
        "Reason": finding["reason"],
        "Matched by": "; ".join(_rules(story["records"]["transactions"])),
        "Recommended": say("advice." + finding["recommendation"]),
        "Refundable": say("label.unknown") if finding["refundable_amount"] is None else refundable,
        "First seen": shown.time(finding["first_seen_at"], zone),
        "Resolved": shown.time(finding["resolved_at"], zone) if finding["resolved_at"] else None,
        "Because": finding["resolution"],
        "Id": finding["id"],
    }
    yield labelled(facts)


def _rules(transactions: list[Mapping[str, Any]]) -> Iterator[str]:
    for row in transactions:
        if "rule" in row:
            meaning = RULES.get(row["rule"], "")
            yield f"{row['ref']} to order {row['order_id']} by {row['rule']}" + (f" ({meaning})" if meaning else "")


def _clause(clause: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if clause is not None:
        yield Text.assemble("\n", ("Policy ", "bold"), (clause["id"], "bold"), f"  {clause['text'] or ''}")


def _records_text(records: Story) -> Iterator[RenderableType]:
    for name, heading in (("transactions", "Transactions"), ("order", "Shop's order"), ("account", "Shop's account")):
        if records[name]:
            yield Text(f"\n{heading}", "bold")
            for row in records[name] if isinstance(records[name], list) else [records[name]]:
                yield indented(text(_pairs(row)), 2)
    for raw in (*records["raw_provider"], *records["raw_shop"]):
        yield Text.assemble("\n", text(f"Raw record {raw['source']} {raw['key']}", "bold"), f"  {raw['first_seen_at']}")
        body = json.dumps(raw["body"], ensure_ascii=False, indent=2).splitlines()
        yield indented(Text("\n").join(text(line) for line in body), 2)


def _pairs(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _history(events: list[Mapping[str, Any]], zone: ZoneInfo) -> Iterator[RenderableType]:
    yield Text("\nHistory", "bold")
    for event in events:
        run = f" (run {event['run_id']})" if event["run_id"] else ""
        note = f": {event['note']}" if event["note"] else ""
        yield indented(text(f"{shown.time(event['at'], zone)}  {event['event']}{note}{run}"), 2)
