"""One finding in full: gathered from the store, and told on the terminal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from rich.console import RenderableType
from rich.text import Text

from reconciler.cli.failures import WrongUsage
from reconciler.cli.screen import STYLES, indented, text
from reconciler.cli.tables import plain_table
from reconciler.findings import iso, public
from reconciler.policy import CLAUSES
from reconciler.report import shown
from reconciler.report.texts import say, title
from reconciler.store import queries
from reconciler.store.findings import get_finding, history

Story = dict[str, Any]

RULES = {
    "reference": "the order names the charge",
    "payments": "the shop's payments tie the charge to the order",
    "code": "the order's unique code is the charge's",
    "echo": "the provider gave the shop's own id back",
    "fallback": "same buyer, same money, near in time, and no reference to go by",
    "passed": "the order passed to this charge when the one before it was reversed",
}
"""What each rule of matching means."""

FIELDS = (
    ("amount", "amount", "amount"),
    ("currency", "currency", "currency"),
    ("product_id", "product_id", "product_id"),
    ("e-mail", "buyer_email", "buyer_email"),
    ("Telegram id", "telegram_user_id", "telegram_user_id"),
    ("account", "account_id", "account_id"),
    ("time", "occurred_at", "created_at"),
    ("state", "status", "status"),
)
"""What charge and order both may state: the name in findings, the charge's column, the order's column."""


def gather(connection: sa.Connection, id_: str) -> Story:
    """Everything that is stored about a finding; raises WrongUsage when no finding, or more than one, has the id."""
    row = get_finding(connection, id_) if id_ else None
    if row is None:
        raise WrongUsage(f"no finding has the id {id_!r}, or more than one begins with it: see `reconciler findings`")
    finding = public(row)
    clause, records = finding["policy_clause"], _records(connection, finding)
    return {
        "finding": {**finding, "resolution": row["resolution"]},
        "clause": None if clause is None else {"id": clause, "text": CLAUSES.get(clause)},
        "fields": list(_sides(finding, records)),
        "evidence": row["document"].get("evidence", {}),
        "records": records,
        "history": [
            {"at": iso(event["at"]), "event": event["event"], "run_id": _id(event["run_id"]), "note": event["note"]}
            for event in history(connection, row["id"])
        ],
    }


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


def _records(connection: sa.Connection, finding: Mapping[str, Any]) -> Story:
    provider, order_id, account_id = finding["provider"], finding["order_id"], finding["account_id"]
    refs = [*finding["transaction_ids"], *finding["related_transaction_ids"]]
    transactions = queries.transactions(connection, provider, refs) if provider else []
    known = {*refs, *(row["ref"] for row in transactions), *(row["group_ref"] for row in transactions)}
    shop = queries.raw_records(connection, "shop", [order_id], "shop.orders") if order_id else []
    return {
        "transactions": transactions,
        "order": queries.order(connection, order_id),
        "account": queries.account(connection, account_id),
        "raw_provider": queries.raw_records(connection, provider, sorted(known)) if provider else [],
        "raw_shop": shop,
    }


def _sides(finding: Mapping[str, Any], records: Story) -> Iterator[Story]:
    """The fields of charge and order side by side, those in which they differ first."""
    differences = {one["field"]: one for one in finding["differences"]}
    for one in differences.values():
        yield {"field": one["field"], "provider": one["provider"], "shop": one["shop"], "differs": True}
    charge: Story = next((row for row in records["transactions"] if row["kind"] == "charge"), {})
    order = records["order"] or {}
    for name, of_charge, of_order in FIELDS:
        sides = {"provider": charge.get(of_charge), "shop": order.get(of_order)}
        if name not in differences and set(sides.values()) != {None}:
            yield {"field": name, **sides, "differs": False}


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
    table = plain_table("", "")
    table.show_header = False
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, "dim"), text(value))
    yield indented(table, 2, above=1)


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


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
