"""Reads cases for people and programs: the queue, and one case with everything that belongs to it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.cases.shown import public
from reconciler.columns import to_us
from reconciler.errors import BadRecord
from reconciler.findings import iso
from reconciler.findings import public as public_finding
from reconciler.money import format_minor
from reconciler.schema import findings
from reconciler.schema_cases import case_events, cases, dispute_stages, disputes, reviews
from reconciler.store.cases import case_id, charge_root
from reconciler.store.commands import list_commands
from reconciler.store.findings import parts
from reconciler.store.paging import SIZE, page

Shown = dict[str, Any]


def list_cases(
    connection: sa.Connection,
    now: datetime,
    *,
    status: str | None = None,
    kind: str | None = None,
    owner: str | None = None,
) -> list[Shown]:
    """Cases as documents, the most urgent first: by due date, then severity, then age."""
    query = sa.select(cases)
    for column, value in ((cases.c.status, status), (cases.c.kind, kind), (cases.c.owner, owner)):
        if value is not None:
            query = query.where(column == value)
    rows = connection.execute(query).mappings().all()
    ids = _finding_ids(connection)
    shown = [public(dict(row), now, ids[row["id"]]) for row in rows]
    return sorted(shown, key=_urgency)


def _urgency(case: Shown) -> tuple[Any, ...]:
    done = {"open": 0, "snoozed": 1, "decided": 2, "resolved": 3}[case["status"]]
    return done, case["due_at"] or "9", case["severity"] != "critical", case["opened_at"], case["id"]


def find_case(connection: sa.Connection, id_: str) -> str:
    """The full id of a case by its beginning. Raises BadRecord when none, or more than one, begins so."""
    found = list(connection.execute(sa.select(cases.c.id).where(cases.c.id == id_)).scalars())
    if id_ and not found:
        query = sa.select(cases.c.id).where(cases.c.id.startswith(id_, autoescape=True)).limit(2)
        found = list(connection.execute(query).scalars())
    if len(found) != 1:
        raise BadRecord(f"no case has the id {id_!r}, or more than one begins with it: see `reconciler cases list`")
    return str(found[0])


def case_document(connection: sa.Connection, id_: str, now: datetime) -> Shown:
    """One case with its findings, request, chargebacks, commands and timeline. Raises BadRecord for an unknown id."""
    full = find_case(connection, id_)
    row = connection.execute(sa.select(cases).where(cases.c.id == full)).mappings().one()
    query = sa.select(findings).where(findings.c.case_id == full).order_by(findings.c.first_seen_at, findings.c.id)
    found = [public_finding(dict(one)) for one in connection.execute(query).mappings()]
    return {
        **public(dict(row), now, [one["id"] for one in found]),
        "findings": found,
        "review": _review(connection, full),
        "chargebacks": chargebacks(connection, row["provider"], row["ref"], now),
        "commands": [_command(one) for one in list_commands(connection, case_id=full)],
        "related_case_ids": _related(connection, row),
        "timeline": timeline(connection, full),
    }


def timeline(connection: sa.Connection, id_: str) -> list[Shown]:
    """Everything that happened to a case, oldest first."""
    query = sa.select(case_events).where(case_events.c.case_id == id_).order_by(case_events.c.number)
    return [
        {"number": row.number, "at": iso(row.at), "actor": row.actor, "event": row.event, "note": row.note,
         "before": row.before, "after": row.after}
        for row in connection.execute(query)
    ]  # fmt: skip


def chargebacks(connection: sa.Connection, provider: str | None, ref: str | None, now: datetime) -> list[Shown]:
    """The chargebacks on record of one charge, with every stage and the days left to answer."""
    query = sa.select(disputes).where(disputes.c.provider == provider, disputes.c.ref == ref)
    rows = connection.execute(query.order_by(disputes.c.opened_at, disputes.c.id)).mappings().all()
    return chargeback_documents(connection, rows, now)


def chargeback_documents(connection: sa.Connection, rows: Sequence[Any], now: datetime) -> list[Shown]:
    """Chargebacks as they are shown; the stages of all are read at once."""
    stages: dict[str, list[Any]] = defaultdict(list)
    for part in parts([row["id"] for row in rows]):
        query = sa.select(dispute_stages).where(dispute_stages.c.dispute_id.in_(part))
        for stage in connection.execute(query.order_by(dispute_stages.c.at, dispute_stages.c.number)):
            stages[stage.dispute_id].append(stage)
    return [_chargeback(row, stages[row["id"]], now) for row in rows]


def _chargeback(row: Any, stages: Sequence[Any], now: datetime) -> Shown:
    return {
        "id": row["id"],
        "provider": row["provider"],
        "ref": row["ref"],
        "amount": format_minor(row["amount_minor"], row["currency"]),
        "currency": row["currency"],
        "reason": row["reason_code"],
        "state": row["state"],
        "stage": row["stage"],
        "origin": row["origin"],
        "opened_at": iso(row["opened_at"]),
        "due_at": iso(row["due_at"]),
        "due_given": row["due_given"],
        "days_left": None if row["due_at"] is None else (row["due_at"] - now).days,
        "stages": [
            {"stage": one.stage, "at": iso(one.at), "recorded_at": iso(one.recorded_at), "origin": one.origin}
            for one in stages
        ],
    }


def chargeback_page(
    connection: sa.Connection, now: datetime, after: str | None = None, size: int = SIZE
) -> tuple[list[Shown], str | None]:
    """Chargebacks with the cases that they are decided in, the newest first, and where the next page begins."""
    key = (disputes.c.opened_at, disputes.c.id)
    found = page(connection, sa.select(disputes), key, after=after, size=size, newest_first=True)
    return [
        one | {"case_id": case_id(charge_root(row["provider"], row["ref"]))}
        for row, one in zip(found.rows, chargeback_documents(connection, found.rows, now), strict=True)
    ], found.next


def counts(connection: sa.Connection, now: datetime) -> Shown:
    """How many cases wait, and how many of them are overdue: the urgency of a case that is due is its date."""
    query = sa.select(cases.c.status, sa.func.count().label("count")).group_by(cases.c.status)
    by_status = {row.status: row.count for row in connection.execute(query)}
    standing = cases.c.status.in_(["open", "snoozed", "decided"])
    overdue = sa.select(sa.func.count()).where(standing, cases.c.urgency < to_us(now))
    return {
        **{name: by_status.get(name, 0) for name in ("open", "snoozed", "decided", "resolved")},
        "overdue": int(connection.execute(overdue).scalar_one()),
    }


def _finding_ids(connection: sa.Connection) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = defaultdict(list)
    query = sa.select(findings.c.case_id, findings.c.id).where(findings.c.case_id.is_not(None))
    for case, id_ in connection.execute(query.order_by(findings.c.first_seen_at, findings.c.id)):
        ids[case].append(id_)
    return ids


def _review(connection: sa.Connection, case_id: str) -> Shown | None:
    row = connection.execute(sa.select(reviews).where(reviews.c.case_id == case_id)).mappings().one_or_none()
    if row is None:
        return None
    plain = ("id", "identifier", "provider", "ref", "order_id", "email", "account_id", "text", "reason", "evidence")
    shown = {name: row[name] for name in plain}
    times = {name: iso(row[name]) for name in ("received_at", "complete_at", "due_at", "warn_at")}
    return {**shown, **times, "complete": row["complete_at"] is not None, "due_known": row["due_known"]}


def _command(row: Shown) -> Shown:
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _related(connection: sa.Connection, row: Any) -> list[str]:
    """The other cases of the same charge; none of a case that is about no charge."""
    if row["ref"] is None:
        return []
    same = sa.and_(cases.c.provider == row["provider"], cases.c.ref == row["ref"], cases.c.id != row["id"])
    return list(connection.execute(sa.select(cases.c.id).where(same).order_by(cases.c.opened_at)).scalars())
