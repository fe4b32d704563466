"""Keeps findings over time: opened, changed, resolved, reopened, each step written down with its document."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.columns import UtcTime
from reconciler.findings import (
    AFTER,
    DISMISSED,
    GAPS,
    OPEN,
    RESOLVED,
    advised,
    anchor,
    document,
    finding_id,
    names_more,
    surplus,
)
from reconciler.matching.scope_tables import in_scope, orders_in_scope, records_in_scope
from reconciler.model import Finding
from reconciler.schema import finding_events, findings, runs
from reconciler.store.resolutions import resolution
from reconciler.timing import step


@dataclass(slots=True)
class Changes:
    """What a run did to the findings: ids by what happened to them."""

    opened: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)


@step("write findings")
def save_findings(
    connection: sa.Connection,
    found: Iterable[Finding],
    run_id: int,
    now: datetime,
    *,
    excluded: Collection[str] = (),
    scoped: bool = False,
) -> Changes:
    """Bring the stored findings to what was found now; what is not found any more is resolved.

    Findings of `excluded` providers stay as they are: a disabled provider is not judged (contract 3). With `scoped`
    only findings about something in scope can be resolved; all others stay as they are.
    """
    wanted = {finding_id(finding.kind, finding.subject): finding for finding in found}
    standing = {row.id: row for row in connection.execute(_open_in_scope() if scoped else _open())}
    stored = standing | _by_id(connection, sorted(wanted.keys() - standing.keys()))
    changes, events = Changes(), _Events(run_id, now)
    new = []
    for id_, finding in wanted.items():
        said = document(finding)
        if id_ in stored:
            _keep(connection, finding, said, stored[id_], changes, events)
        else:
            new.append({"id": id_, "subject": finding.subject, "first_seen_at": now, **_columns(finding, said, now)})
            changes.opened.append(id_)
            events.add(id_, "opened", "", said)
    if new:
        connection.execute(sa.insert(findings), new)
    for id_ in sorted(standing.keys() - wanted.keys()):
        if standing[id_].provider not in excluded:
            _resolve(connection, standing[id_], changes, events)
    events.write(connection)
    return changes


def _open() -> sa.Select[Any]:
    return sa.select(findings).where(findings.c.status == OPEN)


def _open_in_scope() -> sa.Select[Any]:
    """The open findings whose anchor is in scope, and those about gaps, which are always judged."""
    key, order, record = in_scope.c, orders_in_scope.c, records_in_scope.c
    anchors = sa.union_all(
        sa.select(sa.literal(GAPS).label("anchor")),
        sa.select("transaction:" + key.provider + "/" + key.ref),
        sa.select("order:" + order.order_id),
        sa.select("record:" + record.provider + "/" + record.source + "/" + record.key),
    ).subquery("anchors")
    return _open().join(anchors, findings.c.anchor == anchors.c.anchor)


def _by_id(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Any]:
    rows = (connection.execute(sa.select(findings).where(findings.c.id.in_(part))) for part in parts(ids))
    return {row.id: row for part in rows for row in part}


@dataclass(slots=True)
class _Events:
    """What happened to findings in one run, numbered and written together."""

    run_id: int
    now: datetime
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, id_: str, event: str, note: str, said: Mapping[str, Any], advice: Mapping[str, Any] | None = None
    ) -> None:
        """Note what happened to a finding, with its document."""
        happened = {"finding_id": id_, "at": self.now, "run_id": self.run_id, "event": event, "note": note}
        self.rows.append(happened | _told(said, advice))

    def write(self, connection: sa.Connection) -> None:
        """Write all events down, each after the last one of its finding."""
        last: dict[str, int] = {}
        table = finding_events.c
        for part in parts([row["finding_id"] for row in self.rows if row["event"] != "opened"]):
            query = sa.select(table.finding_id, sa.func.max(table.number)).where(table.finding_id.in_(part))
            last |= {id_: number for id_, number in connection.execute(query.group_by(table.finding_id))}
        if self.rows:
            numbered = [row | {"number": last.get(row["finding_id"], 0) + 1} for row in self.rows]
            connection.execute(sa.insert(finding_events), numbered)


def _told(said: Mapping[str, Any], advice: Mapping[str, Any] | None) -> dict[str, Any]:
    """The document as an event keeps it, and beside it what the advice of the case hides."""
    return {"document": advised(said, advice), "own": {name: said[name] for name in advice} if advice else None}


def dismiss(connection: sa.Connection, ids: Iterable[str], note: str, now: datetime) -> None:
    """Note that an operator's decision settles these findings; they are not found anew."""
    for id_ in ids:
        values = {"status": DISMISSED, "resolution": note}
        connection.execute(sa.update(findings).where(findings.c.id == id_).values(values))
        _happened(connection, id_, "dismissed", note, now)


def advise(connection: sa.Connection, id_: str, advice: Mapping[str, Any] | None, now: datetime) -> None:
    """Note what a finding recommends because of its case; None: what its detector says."""
    status = connection.execute(sa.select(findings.c.status).where(findings.c.id == id_)).scalar_one()
    connection.execute(sa.update(findings).where(findings.c.id == id_).values(advice=advice))
    if status == OPEN:
        _happened(connection, id_, "changed", "", now)


def _happened(connection: sa.Connection, id_: str, event: str, note: str, now: datetime) -> None:
    row = connection.execute(sa.select(findings.c.document, findings.c.advice).where(findings.c.id == id_)).one()
    last = sa.select(sa.func.max(finding_events.c.number)).where(finding_events.c.finding_id == id_)
    number = int(connection.execute(last).scalar() or 0) + 1
    values = {"event": event, "note": note, "run_id": None, **_told(row.document, row.advice)}
    connection.execute(sa.insert(finding_events).values(finding_id=id_, number=number, at=now, **values))


def list_findings(
    connection: sa.Connection,
    *,
    kind: str | None = None,
    status: str | None = None,
    since: datetime | None = None,
    ids: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Stored findings, oldest first; `since` is compared with when they were last seen, `ids` come in addition."""
    query = _seen().order_by(findings.c.first_seen_at, findings.c.id)
    if kind:
        query = query.where(findings.c.kind == kind)
    if status:
        query = query.where(findings.c.status == status)
    if since:
        query = query.where(_last_seen() >= since)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    for part in parts(ids):
        rows += [dict(row) for row in connection.execute(_seen().where(findings.c.id.in_(part))).mappings()]
    return sorted(rows, key=lambda row: (row["first_seen_at"], row["id"])) if ids else rows


def open_sums(connection: sa.Connection) -> list[dict[str, Any]]:
    """What the statement says of open findings: kind, severity, money, and the order or charge that it is about."""
    table = findings.c
    about = sa.case((table.order_id.is_(None), table.document))  # a document is long: read only where it is needed
    columns = (table.kind, table.severity, table.currency, table.amount_minor, table.order_id)
    query = sa.select(*columns, about.label("document")).where(table.status == OPEN)
    return [dict(row) for row in connection.execute(query).mappings()]


def _seen() -> sa.Select[Any]:
    """Findings as they are read: an open one stands as of the last run, whether or not it had to be judged again."""
    others = (column for column in findings.columns if column is not findings.c.last_seen_at)
    return sa.select(*others, _last_seen().label("last_seen_at"))


def _last_seen() -> sa.ColumnElement[datetime]:
    stored = findings.c.last_seen_at
    seen = sa.case((findings.c.status == OPEN, sa.func.coalesce(_last_run(), stored)), else_=stored)
    return sa.type_coerce(seen, UtcTime)


def _last_run() -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.max(runs.c.finished_at)).scalar_subquery()


def get_finding(connection: sa.Connection, id_: str) -> dict[str, Any] | None:
    """One stored finding by its id or a beginning of it that is unique."""
    for same in (findings.c.id == id_, findings.c.id.startswith(id_, autoescape=True)):
        rows = [dict(row) for row in connection.execute(_seen().where(same).limit(2)).mappings()]
        if rows:
            return rows[0] if len(rows) == 1 else None
    return None


def history(connection: sa.Connection, id_: str) -> list[dict[str, Any]]:
    """The events of one finding, oldest first."""
    query = sa.select(finding_events).where(finding_events.c.finding_id == id_).order_by(finding_events.c.number)
    return [dict(row) for row in connection.execute(query).mappings()]


def findings_as_of(connection: sa.Connection, at: datetime) -> list[dict[str, Any]]:
    """Every finding that had been seen by `at`, as it stood then: rows like those of the `findings` table."""
    last = (
        sa.select(finding_events.c.finding_id, sa.func.max(finding_events.c.number).label("number"))
        .where(finding_events.c.at < at)
        .group_by(finding_events.c.finding_id)
        .subquery()
    )
    query = (
        sa.select(finding_events, findings.c.first_seen_at, findings.c.case_id)
        .join(last, sa.and_(last.c.finding_id == finding_events.c.finding_id, last.c.number == finding_events.c.number))
        .join(findings, findings.c.id == finding_events.c.finding_id)
        .order_by(findings.c.first_seen_at, findings.c.id)
    )
    return [_standing(dict(row)) for row in connection.execute(query).mappings()]


def _standing(event: dict[str, Any]) -> dict[str, Any]:
    status = AFTER[event["event"]]
    return {
        "id": event["finding_id"],
        "kind": event["document"]["kind"],
        "severity": event["document"]["severity"],
        "status": status,
        "document": event["document"],
        "first_seen_at": event["first_seen_at"],
        "last_seen_at": event["at"],
        "resolved_at": event["at"] if status == RESOLVED else None,
        "resolution": event["note"] or None,
        "case_id": event["case_id"],
    }


def _keep(
    connection: sa.Connection,
    finding: Finding,
    said: dict[str, Any],
    row: Any,
    changes: Changes,
    events: _Events,
) -> None:
    if row.status == RESOLVED or (row.status == DISMISSED and names_more(said, row.document)):
        changes.reopened.append(row.id)
        events.add(row.id, "reopened", "", said, row.advice)
    elif row.document == said or row.status == DISMISSED:
        return
    else:
        changes.changed.append(row.id)
        events.add(row.id, "changed", "", said, row.advice)
    values = {"resolved_at": None, "resolution": None, **_columns(finding, said, events.now)}
    connection.execute(sa.update(findings).where(findings.c.id == row.id).values(values))


def _columns(finding: Finding, said: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "status": OPEN,
        "provider": finding.provider,
        "order_id": finding.order_id,
        "account_id": finding.account_id,
        "amount_minor": finding.amount_minor,
        "currency": finding.currency,
        "document": said,
        "last_seen_at": now,
        "anchor": anchor(finding.kind, finding.subject),
        "surplus": surplus(said),
    }


def parts(ids: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """Ids in pieces that fit into one statement on every engine."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _resolve(connection: sa.Connection, row: Any, changes: Changes, events: _Events) -> None:
    note = resolution(row.kind, row.document["reason"])
    seen = sa.func.coalesce(_last_run(), findings.c.last_seen_at)  # it stood until the run before this one
    values = {"status": RESOLVED, "resolved_at": events.now, "resolution": note, "last_seen_at": seen}
    connection.execute(sa.update(findings).where(findings.c.id == row.id).values(values))
    changes.resolved.append(row.id)
    events.add(row.id, "resolved", note, row.document, row.advice)
