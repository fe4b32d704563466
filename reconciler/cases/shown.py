"""The public form of a case: its document for people and programs, and the way back from what is stored."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reconciler.cases.model import OPEN, RESOLVED, Decision, Picture
from reconciler.columns import to_us
from reconciler.findings import iso
from reconciler.money import format_minor

Said = Mapping[str, Any]
UNHURRIED = 2**60
"""Later than any date, for cases that are not due at any."""
NEW_FOR_S = 24 * 3600
"""A case is called new in its first day."""


def said(picture: Picture) -> dict[str, Any]:
    """What a case comes to, as JSON values; it is stored with the case and compared with what it comes to next."""
    return {
        "recommendation": picture.recommendation,
        "policy_clause": picture.clause,
        "because": picture.because,
        "amount": format_minor(picture.amount_minor, picture.currency),
        "currency": picture.currency,
        "refundable_amount": format_minor(picture.refundable_minor, picture.currency),
        "due_at": iso(picture.due_at),
        "due_known": picture.due_known,
        "ask_for": list(picture.ask_for),
        "proposals": list(picture.proposals),
        "checks": [
            {"name": one.name, "passed": one.passed, "says": one.says, "evidence": dict(one.evidence)}
            for one in picture.checks
        ],
    }


def difference(before: Said, after: Said) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs of two such documents, old and new; sentences alone are no difference."""
    old, new = _told(before), _told(after)
    changed = [name for name in new if new[name] != old.get(name)]
    return {name: old.get(name) for name in changed}, {name: new[name] for name in changed}


def _told(one: Said) -> dict[str, Any]:
    told = {
        name: one.get(name) for name in ("recommendation", "policy_clause", "amount", "refundable_amount", "due_at")
    }
    return told | {"checks": {check["name"]: check["passed"] for check in one.get("checks", ())}}


def decision_document(decision: Decision | None, currency: str | None) -> dict[str, Any] | None:
    """A decision as it is stored and shown."""
    if decision is None:
        return None
    values = asdict(decision) | {"at": iso(decision.at), "about": list(decision.about)}
    return values | {"amount": format_minor(decision.amount_minor, currency)}


def decision_of(stored: Mapping[str, Any] | None) -> Decision | None:
    """The decision that a stored document tells of."""
    if stored is None:
        return None
    values = {name: stored[name] for name in ("action", "by", "note", "amount_minor", "mode", "ref")}
    values |= {name: stored.get(name) for name in ("requested_by", "account_id")}
    return Decision(**values, at=datetime.fromisoformat(stored["at"]), about=tuple(stored["about"]))


def public(row: Mapping[str, Any], now: datetime, finding_ids: list[str]) -> dict[str, Any]:
    """The object of a stored case (a row of the `cases` table) as `cases list` and `show` print it."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "severity": row["severity"],
        "status": row["status"],
        "phase": _phase(row, now),
        "version": row["version"],
        "owner": row["owner"],
        "provider": row["provider"],
        "transaction_id": row["ref"],
        "order_id": row["order_id"],
        "account_id": row["account_id"],
        **row["said"],
        "due_state": _due_state(row, now),
        "days_left": None if row["due_at"] is None else (row["due_at"] - now).days,
        "snoozed_until": iso(row["snoozed_until"]),
        "snoozed_above": format_minor(row["snoozed_minor"], row["currency"]),
        "decision": _told_of(row["decision"]),
        "pending": _told_of(row["pending"]),
        "finding_ids": finding_ids,
        "opened_at": iso(row["opened_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _told_of(decision: Said | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {"requested_by": None} | {
        name: value for name, value in decision.items() if name not in {"amount_minor", "about"}
    }


def urgency(due_at: datetime | None, severity: str) -> int:
    """The queue's order as one number: what is due comes first, the earliest before all, then what is critical."""
    if due_at is not None:
        return to_us(due_at)
    return UNHURRIED if severity == "critical" else UNHURRIED + 1


def _phase(row: Mapping[str, Any], now: datetime) -> str:
    """`new`, `persisting`, `reopened` or `resolved`: how a case stands in time."""
    if row["status"] == RESOLVED:
        return "resolved"
    if row["status"] == OPEN and row["reopened"]:
        return "reopened"
    return "new" if (now - row["opened_at"]).total_seconds() < NEW_FOR_S else "persisting"


def _due_state(row: Mapping[str, Any], now: datetime) -> str | None:
    if row["due_at"] is None or row["status"] == RESOLVED:
        return None
    return "overdue" if now > row["due_at"] else row["due_told"] or "waiting"
