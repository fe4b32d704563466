"""The public form of a finding (contract section 4): its stable id and its document."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.model import Finding
from reconciler.money import format_minor

SEVERITIES = ("info", "warning", "critical")
OPEN, RESOLVED, DISMISSED = "open", "resolved", "dismissed"
AFTER = {"opened": OPEN, "changed": OPEN, "reopened": OPEN, "resolved": RESOLVED, "dismissed": DISMISSED}
"""What a finding is after each event of its history."""
GAPS = "gaps"
_OF_FEEDS = {"gap", "webhook"}
"""What subjects begin with whose findings are judged as a whole in every run."""


def finding_id(kind: str, subject: str) -> str:
    """The id of a fact: the same kind about the same subject keeps it from run to run."""
    return hashlib.sha256(f"{kind}\n{subject}".encode()).hexdigest()[:16]


def anchor(kind: str, subject: str) -> str:
    """The row that a finding stands or falls with: it is judged again whenever that row is.

    `transaction:…`, `order:…` or `record:…` as the subject names it; what feeds and webhooks lack is judged together.
    """
    what, _, name = subject.partition(":")
    if what in _OF_FEEDS:
        return GAPS
    if kind == "duplicate_charge":
        name = name.rsplit(":", 2)[0]
    if what in {"signal", "chargeback"}:
        name = name.rsplit("/", 1)[0]
    return f"{what if what in {'order', 'record'} else 'transaction'}:{name}"


def document(finding: Finding) -> dict[str, Any]:
    """What a finding says, as it is shown to people and programs; the book-keeping fields are added by `public`."""
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "provider": finding.provider,
        "transaction_ids": list(finding.transaction_ids),
        "related_transaction_ids": list(finding.related_transaction_ids),
        "order_id": finding.order_id,
        "account_id": finding.account_id,
        "amount": format_minor(finding.amount_minor, finding.currency),
        "currency": finding.currency,
        "reason": finding.reason,
        "policy_clause": finding.policy_clause,
        "recommendation": finding.recommendation,
        "refundable_amount": format_minor(finding.refundable_minor, finding.currency),
        "explanation": finding.explanation,
        "differences": [
            {"field": one.field, "provider": one.provider_value, "shop": one.shop_value} for one in finding.differences
        ],
        "evidence": dict(finding.evidence),
    }


def surplus(said: Mapping[str, Any]) -> str | None:
    """The surplus charges that a duplicate's document names, as a JSON list; None of any other finding."""
    return json.dumps(said["transaction_ids"]) if said["kind"] == "duplicate_charge" else None


def kept_charge(provider: str, document: Mapping[str, Any]) -> tuple[str, str]:
    """The charge that stands of a duplicate; documents from before that name no provider of it: then the surplus's."""
    told = document["evidence"]
    return told.get("kept_provider", provider), told["kept"]


def names_more(said: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a document names a charge that it did not name before: what was decided then is not about that one."""
    names = ("transaction_ids", "related_transaction_ids")
    return not {ref for name in names for ref in said[name]} <= {ref for name in names for ref in before[name]}


def advised(said: Mapping[str, Any], advice: Mapping[str, Any] | None) -> dict[str, Any]:
    """A finding's document with the advice of its case in place of its own."""
    return {**said, **(advice or {})}


def public(row: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's object for a stored finding (a row of the `findings` table)."""
    said = {key: value for key, value in advised(row["document"], row.get("advice")).items() if key != "evidence"}
    return {
        "id": row["id"],
        "kind": said.pop("kind"),
        "severity": said.pop("severity"),
        "status": row["status"],
        **said,
        "first_seen_at": iso(row["first_seen_at"]),
        "last_seen_at": iso(row["last_seen_at"]),
        "resolved_at": iso(row["resolved_at"]),
        "case_id": row["case_id"],
    }


def iso(value: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC with `Z`; None stays None."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")
