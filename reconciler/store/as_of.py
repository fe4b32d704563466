"""What stood in a store at the time of a run: the operators' facts, and the findings before and after it."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from reconciler.findings import AFTER, OPEN, RESOLVED, anchor, surplus
from reconciler.money import to_minor
from reconciler.schema import finding_events, findings, refund_approvals
from reconciler.schema_cases import dispute_stages, disputes
from reconciler.schema_told import audit_records
from reconciler.store.disputes import standing_of


def approvals_at(connection: sa.Connection, at: datetime) -> list[dict[str, Any]]:
    """The approved refunds that were on record."""
    query = sa.select(refund_approvals).where(refund_approvals.c.recorded_at <= at)
    return [dict(row) for row in connection.execute(query).mappings()]


def disputes_at(connection: sa.Connection, at: datetime, zone: tzinfo) -> list[dict[str, Any]]:
    """The chargebacks that were on record, as far as they were known to have come; days are counted in `zone`."""
    stages = sa.select(dispute_stages).where(dispute_stages.c.recorded_at <= at)
    told = connection.execute(stages.order_by(dispute_stages.c.dispute_id, dispute_stages.c.number)).mappings()
    events = {id_: [dict(row) for row in rows] for id_, rows in groupby(told, key=lambda row: row["dispute_id"])}
    query = sa.select(disputes).where(disputes.c.recorded_at <= at).order_by(disputes.c.id)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return [
        row | standing_of(row["reason_code"], events.get(row["id"], []), zone) | _amount(connection, row, at)
        for row in rows
    ]


def _amount(connection: sa.Connection, row: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The amount before the first correction that came later."""
    table = audit_records.c
    query = sa.select(table.at, table.data).where(table.kind == "chargeback.amount", table.subject == row["id"])
    for record in connection.execute(query.order_by(table.number)):
        if record.at > at:
            said = json.loads(record.data)
            return {name: said[f"{name}_before"] for name in ("amount_minor", "currency")}
    return {}


def findings_before(connection: sa.Connection, run_id: int, at: datetime) -> list[dict[str, Any]]:
    """The findings as a run found them: rows of their table, with what the detectors themselves said."""
    return list(_rows(connection, lambda event: _is_before(event, run_id, at)))


def findings_left(connection: sa.Connection, run_id: int, at: datetime) -> list[dict[str, Any]]:
    """The findings that a run left open, as they were kept."""
    rows = _rows(connection, lambda event: _is_left(event, run_id, at))
    return [row for row in rows if row["status"] == OPEN]


def unlike_history(connection: sa.Connection) -> dict[str, dict[str, Any] | None]:
    """The open findings whose row says otherwise than their last event: what it says, None where it is not open.

    Also those that have no event at all. Events of older versions do not tell what a case's advice hides: such findings
    are left out.
    """
    events = finding_events.c
    last = sa.select(events.finding_id, sa.func.max(events.number).label("number")).group_by(events.finding_id)
    newest = last.subquery("newest")
    row = findings.c
    query = (
        sa.select(*(row[name] for name in (*_SAID, *_DERIVED)), row.id, row.subject, row.status, row.advice)
        .add_columns(row.document.label("shown"))
        .add_columns(events.event, events.document, events.own)
        .outerjoin_from(findings, newest, newest.c.finding_id == row.id)
        .outerjoin(finding_events, sa.and_(events.finding_id == newest.c.finding_id, events.number == newest.c.number))
        .execution_options(yield_per=1000)
    )
    found: dict[str, dict[str, Any] | None] = {}
    for one in connection.execute(query):
        hidden = one.advice and one.event and one.own is None
        if OPEN in (one.status, AFTER.get(one.event)) and not hidden and _is_unlike(one):
            found[one.id] = one.shown if one.status == OPEN else None
    return found


def _is_unlike(row: Any) -> bool:
    if row.event is None:
        return True
    told = {**row.document, **(row.own or {})}
    columns = _columns(told, row.subject)
    return (row.status, row.shown, _charges(row.surplus)) != (
        AFTER[row.event],
        told,
        _charges(columns["surplus"]),
    ) or any(getattr(row, name) != value for name, value in columns.items() if name != "surplus")


def _charges(listed: str | None) -> Any:
    """What a list in JSON holds: an upgrade from an older version wrote it with other spaces."""
    try:
        return listed and json.loads(listed)
    except ValueError:
        return listed


def dismissed_in(connection: sa.Connection, at: datetime) -> list[str]:
    """The findings that a case's decision settled within the run of that time."""
    table = finding_events.c
    query = sa.select(table.finding_id).where(table.at == at, table.run_id.is_(None), table.event == "dismissed")
    return list(connection.execute(query).scalars())


def _is_before(event: Any, run_id: int, at: datetime) -> bool:
    return bool(event.run_id < run_id if event.run_id is not None else event.at < at)


def _is_left(event: Any, run_id: int, at: datetime) -> bool:
    return bool(event.run_id <= run_id if event.run_id is not None else event.at <= at)


def _rows(connection: sa.Connection, counts: Callable[[Any], bool]) -> Iterator[dict[str, Any]]:
    """Each finding after the last of its events that counts; none after the first that does not."""
    events = finding_events.c
    known = (findings.c.subject, findings.c.provider, findings.c.first_seen_at)
    query = (
        sa.select(finding_events, *known)
        .join(findings, findings.c.id == events.finding_id)
        .order_by(events.finding_id, events.number)
        .execution_options(yield_per=1000)
    )
    for _, group in groupby(connection.execute(query), key=lambda row: row.finding_id):
        last = None
        for event in group:
            if not counts(event):
                break
            last = event
        if last is not None:
            yield _row(last)


def _row(event: Any) -> dict[str, Any]:
    said = {**event.document, **(event.own or {})}
    status = AFTER[event.event]
    return {
        "id": event.finding_id,
        "subject": event.subject,
        "status": status,
        "provider": event.provider,
        "document": said,
        "first_seen_at": event.first_seen_at,
        "last_seen_at": event.at,
        "resolved_at": event.at if status == RESOLVED else None,
        "resolution": event.note or None,
        **_columns(said, event.subject),
    }


_SAID = ("kind", "severity", "order_id", "account_id", "amount_minor", "currency")
"""Columns of a finding that say again what its document says."""
_DERIVED = ("anchor", "surplus")
"""Those that follow from its subject and its document."""


def _columns(said: Mapping[str, Any], subject: str) -> dict[str, Any]:
    amount, currency = said["amount"], said["currency"]
    minor = None if amount is None else to_minor(amount, currency or "")
    again = {name: said[name] for name in _SAID if name != "amount_minor"}
    return {**again, "amount_minor": minor, "anchor": anchor(said["kind"], subject), "surplus": surplus(said)}
