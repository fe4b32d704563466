"""Keeps cases: opens them for findings, requests and chargebacks, follows what becomes of them, and their timelines."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.cases import assess, states
from reconciler.cases.advice import advice
from reconciler.cases.model import DECIDED, OPEN, PROGRAM, RESOLVED, Case, Entry, Facts, Picture
from reconciler.cases.shown import decision_document, decision_of, said, urgency
from reconciler.errors import BadRecord
from reconciler.schema import findings
from reconciler.schema_cases import case_events, cases
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.alert_seen import CASE
from reconciler.store.alerts import raise_alert
from reconciler.store.case_facts import read_facts
from reconciler.store.due_cases import moved_by_time, sharing, told_of
from reconciler.store.findings import advise, dismiss
from reconciler.store.purchases import Key, parts

Row = sa.RowMapping


@dataclass(slots=True)
class Followed:
    """What following cases came to: ids by what happened, with facts and picture of each that was looked at."""

    opened: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    seen: dict[str, tuple[Case, Facts, Picture]] = field(default_factory=dict)


def case_id(root: str) -> str:
    """The id of the case about one root (a charge, an order, a request): the same root keeps it for ever."""
    return hashlib.sha256(f"case\n{root}".encode()).hexdigest()[:12]


def charge_root(provider: str, ref: str) -> str:
    """The root that everything about one charge shares."""
    return f"charge:{provider}/{ref}"


def open_case(connection: sa.Connection, root: str, now: datetime, *, key: Key | None = None, note: str = "") -> str:
    """The id of the root's case, which is opened if it is not there yet; `follow_cases` says what it comes to."""
    id_ = case_id(root)
    if connection.execute(sa.select(cases.c.id).where(cases.c.id == id_)).first() is None:
        _insert(connection, [_new_row(root, key, now)], {id_: note}, now)
    return id_


def follow_findings(connection: sa.Connection, settings: Settings, ids: Iterable[str], now: datetime) -> Followed:
    """Open cases for these findings, and for open ones that have none yet; bring every case they touch up to date."""
    touched: set[str] = set()
    new: dict[str, dict[str, Any]] = {}
    for row in _finding_rows(connection, ids):
        if row["case_id"] is not None:
            touched.add(row["case_id"])
        elif row["status"] == "open" and assess.opens_case(row["kind"], row["severity"]):
            root, key = _root(row)
            new.setdefault(case_id(root), _new_row(root, key, now))
            touched.add(case_id(root))
            connection.execute(sa.update(findings).where(findings.c.id == row["id"]).values(case_id=case_id(root)))
    there = _existing(connection, list(new))
    _insert(connection, [row for id_, row in new.items() if id_ not in there], {}, now)
    touched |= told_of(connection)
    touched |= sharing(connection, touched)
    return follow_cases(connection, settings, touched | moved_by_time(connection, now), now)


def follow_cases(connection: sa.Connection, settings: Settings, ids: Collection[str], now: datetime) -> Followed:
    """Bring cases to what is on record about them now, and write down what changed."""
    done = Followed()
    for part in parts(sorted(ids)):
        rows = list(connection.execute(sa.select(cases).where(cases.c.id.in_(part)).order_by(cases.c.id)).mappings())
        facts = read_facts(connection, rows, settings.currency.equivalents)
        for row in rows:
            _follow(connection, row, facts[row["id"]], now, done)
    return done


def _follow(connection: sa.Connection, row: Row, facts: Facts, now: datetime, done: Followed) -> None:
    picture = assess.assess(facts, now)
    case = case_of(row)
    fresh = row["kind"] == ""
    case, entries = states.follow(case, None if fresh else row["said"], picture, now)
    case, of_time = states.told_of_time(case, picture, _told_last(row, picture), now)
    entries += of_time
    _call(connection, case, facts, of_time, now)
    done.seen[case.id] = (case, facts, picture)
    if case.decision is not None and case.status in {DECIDED, RESOLVED}:
        settled = {matter.removeprefix("signal:") for matter in case.decision.about}
        told = [one for one in facts.findings if one.kind == "chargeback" or one.dispute_id in settled]
        late = [one.id for one in told if one.status == OPEN]
        dismiss(connection, late, f"decided before: {case.decision.action} by {case.decision.by}", now)
    if fresh or entries or row["said"] != said(picture) or row["account_id"] != facts.account_id:
        done.seen[case.id] = (save(connection, case, entries, now, facts=facts, picture=picture), facts, picture)
        (done.opened if fresh else done.changed).append(case.id)
    for found, said_of in advice(facts, picture):
        if found.advice != said_of:
            advise(connection, found.id, said_of, now)


def _told_last(row: Row, picture: Picture) -> str | None:
    """What was told of the due date that still holds: another date is told of anew."""
    return row["due_told"] if row["due_at"] == picture.due_at else None


def _call(connection: sa.Connection, case: Case, facts: Facts, entries: Iterable[Entry], now: datetime) -> None:
    """An alert for a due date that comes near or has passed (policy 5)."""
    about = f"charge {facts.purchase.ref}" if facts.purchase and facts.purchase.ref else f"order {facts.order_id}"
    for entry in entries:
        if entry.event in {"due_soon", "overdue"}:
            word = "is due soon" if entry.event == "due_soon" else "is overdue"
            raise_alert(
                connection,
                f"{CASE}{case.id}:{entry.event}:{entry.after['due_at']}",
                "warning" if entry.event == "due_soon" else "critical",
                f"A case {word}",
                f"Case {case.id} about {about} {word}: an answer is due {entry.after['due_at']}. Decide it: "
                f"`reconciler cases show {case.id}`.",
                now,
            )


def change_case(
    connection: sa.Connection, id_: str, change: Callable[[Case, Row], states.Moved], now: datetime
) -> None:
    """One of an operator's small acts: the case after it, its timeline and the audit record. Raises BadRecord."""
    row = connection.execute(sa.select(cases).where(cases.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise BadRecord(f"no case has the id {id_}: see `reconciler cases list`")
    after, entries = change(case_of(row), row)
    save(connection, after, entries, now, currency=row["currency"])
    for entry in entries:
        audit.record(connection, f"case.{entry.event}", id_, entry.actor, now, dict(entry.after))


def reopen_case(connection: sa.Connection, id_: str, by: str, text: str, now: datetime) -> None:
    """Ask for another decision about a case. Raises BadRecord."""
    change_case(connection, id_, lambda case, _row: states.reopen(case, by, text, now), now)


def save(
    connection: sa.Connection,
    case: Case,
    entries: Iterable[Entry],
    now: datetime,
    *,
    facts: Facts | None = None,
    picture: Picture | None = None,
    currency: str | None = None,
) -> Case:
    """Write a case and its new entries; returns it with its next version. Raises BadRecord if it changed meanwhile."""
    entries = list(entries)
    values: dict[str, Any] = {
        "status": case.status,
        "version": case.version + 1,
        "owner": case.owner,
        "snoozed_until": case.snoozed_until,
        "snoozed_minor": case.snoozed_minor,
        "updated_at": now,
    }
    if picture is not None and facts is not None:
        values |= _pictured(facts, picture, entries)
    events = [entry.event for entry in entries]
    if "reopened" in events or RESOLVED in events:
        values["reopened"] = "reopened" in events
    values["decision"] = decision_document(case.decision, picture.currency if picture else currency)
    values["pending"] = decision_document(case.pending, None)
    same = sa.and_(cases.c.id == case.id, cases.c.version == case.version)
    if connection.execute(sa.update(cases).where(same).values(values)).rowcount != 1:
        raise BadRecord(f"case {case.id} was changed meanwhile: look at it again before deciding")
    append(connection, case.id, entries)
    return Case(**{name: getattr(case, name) for name in case.__slots__} | {"version": case.version + 1})


def _pictured(facts: Facts, picture: Picture, entries: list[Entry]) -> dict[str, Any]:
    values = {
        "kind": picture.kind,
        "severity": picture.severity,
        "order_id": facts.order_id,
        "account_id": facts.account_id,
        "amount_minor": picture.amount_minor,
        "currency": picture.currency,
        "said": said(picture),
        "due_at": picture.due_at,
        "urgency": urgency(picture.due_at, picture.severity),
    }
    told = [entry.event for entry in entries if entry.event in {"due_soon", "overdue"}]
    same_date = sa.case((cases.c.due_at == picture.due_at, cases.c.due_told), else_=None)
    return values | {"due_told": told[-1] if told else same_date}


def append(connection: sa.Connection, id_: str, entries: Iterable[Entry]) -> None:
    """Add entries to the end of a case's timeline; none is ever changed or removed."""
    last = connection.execute(sa.select(sa.func.max(case_events.c.number)).where(case_events.c.case_id == id_)).scalar()
    rows = [
        {"case_id": id_, "number": number, "at": entry.at, "actor": entry.actor, "event": entry.event,
         "note": entry.note, "before": dict(entry.before), "after": dict(entry.after)}
        for number, entry in enumerate(entries, (last or 0) + 1)
    ]  # fmt: skip
    if rows:
        connection.execute(sa.insert(case_events), rows)


def case_of(row: Row) -> Case:
    """The case of a stored row."""
    names = ("id", "root", "status", "version", "owner", "snoozed_until", "snoozed_minor")
    decision, pending = decision_of(row["decision"]), decision_of(row["pending"])
    return Case(**{name: row[name] for name in names}, decision=decision, pending=pending)


def _insert(connection: sa.Connection, rows: list[dict[str, Any]], notes: Mapping[str, str], now: datetime) -> None:
    if not rows:
        return
    connection.execute(sa.insert(cases), rows)
    opened = {"number": 1, "at": now, "actor": PROGRAM, "event": "opened", "before": {}, "after": {"status": OPEN}}
    connection.execute(
        sa.insert(case_events), [{"case_id": row["id"], "note": notes.get(row["id"], ""), **opened} for row in rows]
    )


def _new_row(root: str, key: Key | None, now: datetime) -> dict[str, Any]:
    return {
        "id": case_id(root),
        "root": root,
        "status": OPEN,
        "version": 0,
        "kind": "",
        "severity": "warning",
        "provider": key[0] if key else None,
        "ref": key[1] if key else None,
        "said": {},
        "reopened": False,
        "opened_at": now,
        "updated_at": now,
    }


def _root(finding: Row) -> tuple[str, Key | None]:
    """What a finding's case is about: its first charge, else its order, else itself."""
    refs = finding["document"]["transaction_ids"]
    if finding["provider"] and refs:
        return charge_root(finding["provider"], refs[0]), (finding["provider"], refs[0])
    if finding["order_id"]:
        return f"order:{finding['order_id']}", None
    return f"finding:{finding['id']}", None


def _finding_rows(connection: sa.Connection, ids: Iterable[str]) -> list[Row]:
    waiting = sa.and_(findings.c.case_id.is_(None), findings.c.status == "open", findings.c.severity != "info")
    without = connection.execute(sa.select(findings.c.id).where(waiting)).scalars()
    rows: list[Row] = []
    for part in parts(sorted({*ids, *without})):
        query = sa.select(findings).where(findings.c.id.in_(part)).order_by(findings.c.id)
        rows += connection.execute(query).mappings()
    return rows


def _existing(connection: sa.Connection, ids: list[str]) -> set[str]:
    there: set[str] = set()
    for part in parts(ids):
        there |= set(connection.execute(sa.select(cases.c.id).where(cases.c.id.in_(part))).scalars())
    return there
