"""Reads alerts and their messages: as values to be told of, and as documents for people and programs."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reconciler.alerts.model import ACKNOWLEDGED, OPEN, Alert, Item, stakes
from reconciler.alerts.texts import heading
from reconciler.findings import iso, public
from reconciler.schema import findings
from reconciler.schema_alerts import alert_findings, alert_messages, alert_parts, alerts
from reconciler.schema_cases import cases
from reconciler.schema_told import outbox
from reconciler.store.findings import parts
from reconciler.words.voice import ENGLISH


@dataclass(frozen=True, slots=True)
class Note:
    """A message to one address: what it tells of, and what became of it."""

    key: str
    address: str
    token: str
    message_id: str | None
    shown: str | None
    is_sent: bool
    alerts: tuple[Alert, ...]


def items(connection: sa.Connection, ids: Iterable[str]) -> list[Item]:
    """Findings as alerts tell of them."""
    found = []
    for part in parts(sorted(ids)):
        query = _findings().where(findings.c.id.in_(part)).order_by(findings.c.first_seen_at, findings.c.id)
        found += [_item(row, gone=row["status"] != "open") for row in connection.execute(query).mappings()]
    return found


def load(connection: sa.Connection, ids: Collection[str]) -> tuple[Alert, ...]:
    """These alerts, each with its findings, oldest first."""
    told: dict[str, list[Item]] = defaultdict(list)
    rows: list[Any] = []
    for part in parts(sorted(ids)):
        about = (
            _findings()
            .add_columns(alert_findings.c.alert_id, alert_findings.c.gone)
            .join(alert_findings, alert_findings.c.finding_id == findings.c.id)
            .where(alert_findings.c.alert_id.in_(part))
            .order_by(findings.c.first_seen_at, findings.c.id)
        )
        for row in connection.execute(about).mappings():
            told[row["alert_id"]].append(_item(row, gone=row["gone"]))
        rows += connection.execute(sa.select(alerts).where(alerts.c.id.in_(part))).mappings().all()
    ordered = sorted(rows, key=lambda row: (row["opened_at"], row["id"]))
    return tuple(_alert(row, tuple(told[row["id"]])) for row in ordered)


def note(connection: sa.Connection, key: str) -> Note | None:
    """The message of an outbox entry, with the alerts that it tells of as they are now."""
    row = connection.execute(sa.select(alert_messages).where(alert_messages.c.key == key)).one_or_none()
    return None if row is None else _note(connection, row)


def by_token(connection: sa.Connection, token: str) -> Note | None:
    """The message whose buttons carry a token."""
    row = connection.execute(sa.select(alert_messages).where(alert_messages.c.token == token)).one_or_none()
    return None if row is None else _note(connection, row)


def list_alerts(connection: sa.Connection, states: Collection[str] = ()) -> list[dict[str, Any]]:
    """Alerts as documents, oldest first, each with its messages and what became of them."""
    query = sa.select(alerts.c.id)
    if states:
        query = query.where(alerts.c.state.in_(states))
    ids = list(connection.execute(query).scalars())
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for part in parts(ids):
        sent = (
            sa.select(alert_parts.c.alert_id, alert_messages, outbox.c.state, outbox.c.due_at, outbox.c.note)
            .join_from(alert_parts, alert_messages, alert_messages.c.key == alert_parts.c.message_key)
            .join(outbox, outbox.c.key == alert_messages.c.key)
            .where(alert_parts.c.alert_id.in_(part))
            .order_by(outbox.c.id)
        )
        for row in connection.execute(sent).mappings():
            told[row["alert_id"]].append(_message(row))
    return [{**_document(alert), "messages": told[alert.id]} for alert in load(connection, ids)]


def ids_like(connection: sa.Connection, beginnings: Iterable[str]) -> dict[str, str]:
    """The open alerts whose ids begin so, by the beginning; those that none or several have are left out."""
    found = {}
    for text in beginnings:
        query = sa.select(alerts.c.id).where(alerts.c.id.startswith(text, autoescape=True), alerts.c.state == OPEN)
        ids = list(connection.execute(query.limit(2)).scalars())
        if len(ids) == 1:
            found[text] = str(ids[0])
    return found


def counts(connection: sa.Connection) -> dict[str, int]:
    """How many alerts stand, by whether somebody acknowledged them."""
    query = (
        sa.select(alerts.c.state, sa.func.count())
        .where(alerts.c.state.in_([OPEN, ACKNOWLEDGED]))
        .group_by(alerts.c.state)
    )
    found = {state: number for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in (OPEN, ACKNOWLEDGED)}


def _findings() -> sa.Select[Any]:
    return sa.select(findings, cases.c.due_at).outerjoin(cases, cases.c.id == findings.c.case_id)


def _item(row: Any, *, gone: bool) -> Item:
    return Item(
        id=row["id"],
        kind=row["kind"],
        severity=row["severity"],
        provider=row["provider"],
        said=public(row),
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        due_at=row["due_at"],
        case_id=row["case_id"],
        gone=gone,
        resolution=row["resolution"] if gone else None,
    )


def _alert(row: Any, found: tuple[Item, ...]) -> Alert:
    names = (
        "id", "kind", "subject", "severity", "state", "said", "opened_at", "acknowledged_at", "acknowledged_by",
        "snoozed_until", "resolved_at",
    )  # fmt: skip
    return Alert(items=found, **{name: row[name] for name in names})


def _note(connection: sa.Connection, row: Any) -> Note:
    ids = connection.execute(sa.select(alert_parts.c.alert_id).where(alert_parts.c.message_key == row.key)).scalars()
    told = load(connection, list(ids))
    return Note(row.key, row.address, row.token, row.message_id, row.shown, row.sent_at is not None, told)


def _document(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": alert.state,
        "title": heading(alert, ENGLISH),
        "finding_ids": [item.id for item in alert.items],
        "open_findings": len(alert.standing),
        "at_stake": stakes(alert.standing),
        "opened_at": iso(alert.opened_at),
        "acknowledged_at": iso(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "snoozed_until": iso(alert.snoozed_until),
        "resolved_at": iso(alert.resolved_at),
    }


def _message(row: Any) -> dict[str, Any]:
    waits = row["state"] == "todo"
    return {
        "key": row["key"],
        "address": row["address"],
        "state": row["state"],
        "due_at": iso(row["due_at"]) if waits else None,
        "sent_at": iso(row["sent_at"]),
        "note": row["note"],
    }
