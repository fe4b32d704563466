"""Keeps alerts: raised in the transaction of what they tell of, told by messages in the outbox, and their state."""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.alerts.model import ACKNOWLEDGED, OPEN, RESOLVED, New
from reconciler.columns import to_us
from reconciler.schema import findings
from reconciler.schema_alerts import alert_findings, alert_messages, alert_parts, alerts
from reconciler.schema_told import outbox
from reconciler.store import audit
from reconciler.store.findings import parts
from reconciler.store.outbox import put

STANDING = (OPEN, ACKNOWLEDGED)
ALERT = "alert"
"""The channel of alerts that are not addressed yet; whoever delivers knows the addresses."""


def raise_alert(connection: sa.Connection, key: str, severity: str, title: str, text: str, now: datetime) -> bool:
    """Store an alert that says what happened, to what, and what to do; False when this one was raised before."""
    if connection.execute(sa.select(outbox.c.id).where(outbox.c.key == key)).first() is not None:
        return False
    body = json.dumps({"severity": severity, "title": title, "text": text}, ensure_ascii=False, sort_keys=True)
    put(connection, channel=ALERT, key=key, sequence_key=None, body=body, now=now)
    audit.record(connection, "alert.raised", key, audit.PROGRAM, now, {"severity": severity, "title": title})
    return True


def alert_id(kind: str, subject: str, opened_at: datetime) -> str:
    """The id of an alert: one cause and one moment make one."""
    return hashlib.sha256(f"{kind}\n{subject}\n{to_us(opened_at)}".encode()).hexdigest()[:12]


def open_alert(connection: sa.Connection, new: New, addresses: Iterable[str], now: datetime) -> str:
    """Open an alert and put a message for each address; opened a second time, it takes in what is new."""
    id_ = alert_id(new.kind, new.subject, now)
    if connection.execute(sa.select(alerts.c.id).where(alerts.c.id == id_)).first() is not None:
        join(connection, id_, new.ids, now)
        return id_
    values = {
        "id": id_,
        "kind": new.kind,
        "subject": new.subject,
        "severity": new.severity,
        "state": OPEN,
        "said": dict(new.said),
        "opened_at": now,
        "due_at": new.due_at,
        "repeat_at": new.repeat_at,
        "repeats": 0,
    }
    connection.execute(sa.insert(alerts).values(values))
    _add(connection, id_, new.ids)
    for address in addresses if new.due_at is not None else ():
        tell(connection, [id_], address, f"alert:{id_}:{address}", new.severity, now, not_before=new.due_at)
    told = {"kind": new.kind, "severity": new.severity, "findings": len(new.ids)}
    audit.record(connection, "alert.opened", id_, audit.PROGRAM, now, told)
    return id_


def join(connection: sa.Connection, id_: str, ids: Sequence[str], now: datetime) -> None:
    """Let an alert tell of further findings; what it said already is brought up to date."""
    known = sa.select(alert_findings.c.finding_id).where(alert_findings.c.alert_id == id_)
    there = set(connection.execute(known).scalars())
    _add(connection, id_, [one for one in ids if one not in there])
    refresh(connection, [id_], now)


def tell(
    connection: sa.Connection,
    ids: Collection[str],
    address: str,
    key: str,
    severity: str,
    now: datetime,
    *,
    not_before: datetime | None = None,
    **how: Any,
) -> None:
    """Put a message about these alerts for one address; `how` it is put (repeated, resolved, held_back) goes along."""
    if connection.execute(sa.select(alert_messages.c.key).where(alert_messages.c.key == key)).first() is not None:
        return
    body = json.dumps({"act": "tell", "severity": severity, **how}, sort_keys=True)
    put(connection, channel=address, key=key, sequence_key=None, body=body, now=now, not_before=not_before)
    connection.execute(sa.insert(alert_messages).values(key=key, address=address, token=new_token()))
    connection.execute(sa.insert(alert_parts), [{"message_key": key, "alert_id": id_} for id_ in sorted(ids)])


def new_token() -> str:
    """What a button carries: nobody can guess it, and it works once."""
    return secrets.token_urlsafe(18)


def refresh(connection: sa.Connection, ids: Collection[str], now: datetime) -> None:
    """Have the messages about these alerts changed to their new state, where messages can be changed."""
    there, edit = alert_messages.c, outbox.alias("edit")
    waits = sa.exists().where(
        edit.c.key.startswith(there.key + ":edit:"), edit.c.state == "todo", edit.c.holder.is_(None)
    )
    begun = sa.or_(there.sent_at.is_not(None), sa.and_(outbox.c.state == "todo", outbox.c.epoch > 0))
    for part in parts(sorted(ids)):
        query = (
            sa.select(there.key, there.address)
            .distinct()
            .join_from(alert_messages, alert_parts, alert_parts.c.message_key == there.key)
            .join(outbox, outbox.c.key == there.key)
            .where(alert_parts.c.alert_id.in_(part), there.address.startswith("telegram:"), begun, ~waits)
        )
        for row in connection.execute(query.order_by(there.key)).all():
            body = json.dumps({"act": "edit", "message": row.key, "severity": "info"}, sort_keys=True)
            key = f"{row.key}:edit:{to_us(now)}"
            put(connection, channel=row.address, key=key, sequence_key=None, body=body, now=now)


def settle(connection: sa.Connection, now: datetime) -> list[str]:
    """Note which findings of alerts are open no more, resolve alerts without any left; returns the alerts changed."""
    table = alert_findings.c
    query = (
        sa.select(table.alert_id, table.finding_id)
        .join_from(alerts, alert_findings, table.alert_id == alerts.c.id)
        .join(findings, findings.c.id == table.finding_id)
        .where(alerts.c.state.in_(STANDING), table.gone.is_(sa.false()), findings.c.status != "open")
    )
    gone = connection.execute(query.order_by(table.alert_id, table.finding_id)).all()
    for row in gone:
        mine = sa.and_(table.alert_id == row.alert_id, table.finding_id == row.finding_id)
        connection.execute(sa.update(alert_findings).where(mine).values(gone=True))
    touched = sorted({row.alert_id for row in gone})
    left = sa.exists().where(table.alert_id == alerts.c.id, table.gone.is_(sa.false()))
    for part in parts(touched):
        over = sa.select(alerts.c.id).where(alerts.c.id.in_(part), alerts.c.state != RESOLVED, ~left)
        for id_ in connection.execute(over).scalars().all():
            resolve(connection, id_, now)
    refresh(connection, touched, now)
    return touched


def resolve(connection: sa.Connection, id_: str, now: datetime) -> None:
    """Close an alert: its messages say so, and where a message cannot be changed a short one follows."""
    changes = {"state": RESOLVED, "resolved_at": now, "repeat_at": None, "snoozed_until": None}
    connection.execute(sa.update(alerts).where(alerts.c.id == id_).values(changes))
    audit.record(connection, "alert.resolved", id_, audit.PROGRAM, now, {})
    refresh(connection, [id_], now)
    sent = (
        sa.select(alert_messages.c.address)
        .distinct()
        .join(alert_parts, alert_parts.c.message_key == alert_messages.c.key)
        .where(alert_parts.c.alert_id == id_, alert_messages.c.sent_at.is_not(None))
    )
    for address in connection.execute(sent).scalars().all():
        if not address.startswith("telegram:"):
            key = f"alert:{id_}:resolved:{to_us(now)}:{address}"
            tell(connection, [id_], address, key, "info", now, resolved=True)


def reopen(
    connection: sa.Connection, ids: Iterable[str], since: datetime, repeat_at: datetime, now: datetime
) -> list[str]:
    """Take findings that came back into the alert that told of them, if it is open or was resolved after `since`.

    A finding that flickers changes one message instead of sending another. Returns those that no alert took: what
    comes back to an alert that somebody has seen to has to ring.
    """
    left = []
    for id_ in ids:
        query = (
            sa.select(alerts.c.id, alerts.c.state)
            .join(alert_findings, alert_findings.c.alert_id == alerts.c.id)
            .where(alert_findings.c.finding_id == id_)
            .where(sa.or_(alerts.c.state == OPEN, alerts.c.resolved_at > since))
            .order_by(alerts.c.opened_at.desc())
        )
        alert = connection.execute(query.limit(1)).one_or_none()
        if alert is None:
            left.append(id_)
            continue
        mine = sa.and_(alert_findings.c.alert_id == alert.id, alert_findings.c.finding_id == id_)
        connection.execute(sa.update(alert_findings).where(mine).values(gone=False))
        if alert.state == RESOLVED:
            values: dict[str, Any] = {
                "state": OPEN,
                "resolved_at": None,
                "acknowledged_at": None,
                "acknowledged_by": None,
            }
            values["repeat_at"] = repeat_at
            connection.execute(sa.update(alerts).where(alerts.c.id == alert.id).values(values))
        refresh(connection, [alert.id], now)
    return left


def acknowledge(connection: sa.Connection, ids: Iterable[str], by: str, actor: str, now: datetime) -> None:
    """Note that a person has seen to these alerts: they are repeated no more."""
    for id_ in ids:
        values = {"state": ACKNOWLEDGED, "acknowledged_at": now, "acknowledged_by": by, "snoozed_until": None}
        _act(connection, id_, {**values, "repeat_at": None}, "alert.acknowledged", actor, now)


def snooze(connection: sa.Connection, ids: Iterable[str], until: datetime, actor: str, now: datetime) -> None:
    """Put these alerts aside until a time; if they still stand then, they are told again."""
    for id_ in ids:
        _act(connection, id_, {"snoozed_until": until, "repeat_at": until}, "alert.snoozed", actor, now)


def _act(connection: sa.Connection, id_: str, values: dict[str, Any], event: str, actor: str, now: datetime) -> None:
    open_ones = sa.and_(alerts.c.id == id_, alerts.c.state == OPEN)
    if connection.execute(sa.update(alerts).where(open_ones).values(values)).rowcount:
        audit.record(connection, event, id_, actor, now, {})
        refresh(connection, [id_], now)


def _add(connection: sa.Connection, id_: str, ids: Sequence[str]) -> None:
    if ids:
        rows = [{"alert_id": id_, "finding_id": one, "gone": False} for one in dict.fromkeys(ids)]
        connection.execute(sa.insert(alert_findings), rows)
