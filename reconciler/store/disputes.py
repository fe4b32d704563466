"""Keeps chargebacks known from outside the feeds: every stage they were said to reach, and what all add up to."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.findings import iso
from reconciler.model import Kind
from reconciler.money import Money
from reconciler.policy.disputes import STAGES, StageEvent, derive, due_at
from reconciler.schema import transactions
from reconciler.schema_cases import dispute_stages, disputes
from reconciler.store import audit


@dataclass(frozen=True, slots=True)
class NewDispute:
    """A chargeback as an operator or an import tells of it. `due_at` is the provider's own date, if it gave one.

    `reached_at` is when it came to the stage, where that is known: the same stage at another time is another fact.
    `zone` is the one whose days are counted where no due date is given.
    """

    provider: str
    ref: str
    money: Money
    reason_code: str
    opened_at: datetime
    stage: str = "opened"
    due_at: datetime | None = None
    origin: str = "operator"
    reached_at: datetime | None = None
    zone: tzinfo = UTC

    @property
    def id(self) -> str:
        """The same charge, reason and opening are the same chargeback, told again or not."""
        parts = (self.provider, self.ref, self.reason_code, iso(self.opened_at) or "")
        return hashlib.sha256("\n".join(("chargeback", *parts)).encode()).hexdigest()[:12]


def record(connection: sa.Connection, new: NewDispute, by: str, now: datetime) -> tuple[dict[str, Any], bool]:
    """Store a chargeback, of a charge that was pulled or not; returns its row, and whether it was not there before.

    Told again, it can bring a further stage or another amount; what is the same changes nothing. Raises BadRecord.
    """
    check(connection, new)
    there = get(connection, new.id)
    if there is None:
        start = {"state": "", "stage": "", "round": 0, "due_at": None, "due_given": False}
        connection.execute(sa.insert(disputes).values(**_columns(new), **start, recorded_at=now))
    elif (there["amount_minor"], there["currency"]) != (new.money.minor, new.money.currency):
        values = {"amount_minor": new.money.minor, "currency": new.money.currency}
        connection.execute(sa.update(disputes).where(disputes.c.id == new.id).values(values))
        before = {f"{name}_before": there[name] for name in values}
        audit.record(connection, "chargeback.amount", new.id, by, now, values | before)
    if there is None or not _told_stage(connection, new):
        at = new.reached_at or (new.opened_at if there is None else _reached(connection, new) or now)
        add_stage(connection, new.id, new.stage, at, by, now, due=new.due_at, origin=new.origin, zone=new.zone)
    return _existing(connection, new.id), there is None


def add_stage(
    connection: sa.Connection,
    id_: str,
    stage: str,
    at: datetime,
    by: str,
    now: datetime,
    *,
    due: datetime | None = None,
    origin: str = "operator",
    zone: tzinfo = UTC,
) -> dict[str, Any]:
    """Note that a chargeback reached a stage at a time, in whatever order one hears of it; returns its row.

    `zone` is the one whose days are counted where no due date is given.
    Raises BadRecord for an unknown chargeback or stage.
    """
    if stage not in STAGES:
        raise BadRecord(f"stage {stage!r} is unknown: it is one of {', '.join(STAGES)}")
    row = _existing(connection, id_)
    events = stages(connection, id_)
    values = {"stage": stage, "at": at, "due_at": due, "recorded_at": now, "origin": origin}
    connection.execute(sa.insert(dispute_stages).values(dispute_id=id_, number=len(events) + 1, **values))
    state = standing_of(row["reason_code"], [*events, values], zone)
    connection.execute(sa.update(disputes).where(disputes.c.id == id_).values(state))
    audit.record(connection, "chargeback.stage", id_, by, now, {"stage": stage, "at": iso(at), "state": state["state"]})
    return _existing(connection, id_)


def standing_of(reason_code: str, events: Iterable[Mapping[str, Any]], zone: tzinfo) -> dict[str, Any]:
    """What a chargeback's row says of its stages, in whatever order they came; days are counted in `zone`."""
    standing = derive(StageEvent(one["stage"], one["at"], one["due_at"]) for one in events)
    return {
        "state": standing.state,
        "stage": standing.stage,
        "round": standing.round,
        "due_at": due_at(standing, reason_code, zone),
        "due_given": standing.due_given is not None,
    }


def is_told(connection: sa.Connection, new: NewDispute) -> bool:
    """Whether everything that `new` says is on record, so that recording it would change nothing."""
    row = get(connection, new.id)
    same = row is not None and (row["amount_minor"], row["currency"]) == (new.money.minor, new.money.currency)
    return same and _told_stage(connection, new)


def get(connection: sa.Connection, id_: str) -> dict[str, Any] | None:
    """One chargeback by its id."""
    row = connection.execute(sa.select(disputes).where(disputes.c.id == id_)).mappings().one_or_none()
    return None if row is None else dict(row)


def stages(connection: sa.Connection, id_: str) -> list[dict[str, Any]]:
    """Every stage that a chargeback was said to reach, in the order of hearing."""
    query = sa.select(dispute_stages).where(dispute_stages.c.dispute_id == id_).order_by(dispute_stages.c.number)
    return [dict(row) for row in connection.execute(query).mappings()]


def _told_stage(connection: sa.Connection, new: NewDispute) -> bool:
    told = [event for event in stages(connection, new.id) if event["stage"] == new.stage]
    same = [event for event in told if new.reached_at in {None, event["at"]}]
    return any(new.due_at in {None, event["due_at"]} for event in same)


def _reached(connection: sa.Connection, new: NewDispute) -> datetime | None:
    """When it reached the stage as told before: a date to answer by that is told later belongs to that time."""
    return next((event["at"] for event in stages(connection, new.id) if event["stage"] == new.stage), None)


def _existing(connection: sa.Connection, id_: str) -> dict[str, Any]:
    row = get(connection, id_)
    if row is None:
        raise BadRecord(f"no chargeback has the id {id_}: `reconciler cases list` shows those that there are")
    return row


def _columns(new: NewDispute) -> dict[str, Any]:
    return {
        "id": new.id,
        "provider": new.provider,
        "ref": new.ref,
        "amount_minor": new.money.minor,
        "currency": new.money.currency,
        "reason_code": new.reason_code,
        "opened_at": new.opened_at,
        "origin": new.origin,
    }


def check(connection: sa.Connection, new: NewDispute) -> None:
    """A chargeback is about a charge; its amount may be part of it or, by exchange rates, more. Unknown refs wait.

    Raises BadRecord for a ref that is known as something else.
    """
    table = transactions.c
    query = sa.select(table.kind, table.parent_ref).where(table.provider == new.provider, table.ref == new.ref)
    row = connection.execute(query).one_or_none()
    if row is not None and row.kind != Kind.CHARGE:
        hint = f": name its charge, {row.parent_ref}" if row.parent_ref else ""
        raise BadRecord(f"{new.provider} {new.ref} is a {row.kind}, not a charge{hint}")
