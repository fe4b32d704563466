"""One finding in full, gathered for whoever asks: both sides, the rule, the clause, the records and the history."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.findings import iso, public
from reconciler.policy import CLAUSES
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
    """Everything that is stored about a finding; raises BadRecord when no finding, or more than one, has the id."""
    row = get_finding(connection, id_) if id_ else None
    if row is None:
        raise BadRecord(f"no finding has the id {id_!r}, or more than one begins with it: see `reconciler findings`")
    finding = public(row)
    clause, records = finding["policy_clause"], _records(connection, finding)
    return {
        "finding": {**finding, "resolution": row["resolution"]},
        "clause": None if clause is None else {"id": clause, "text": CLAUSES.get(clause)},
        "fields": list(sides(finding, records)),
        "evidence": row["document"].get("evidence", {}),
        "records": records,
        "history": [
            {"at": iso(event["at"]), "event": event["event"], "run_id": _id(event["run_id"]), "note": event["note"]}
            for event in history(connection, row["id"])
        ],
    }


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


def sides(finding: Mapping[str, Any], records: Story) -> Iterator[Story]:
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


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
