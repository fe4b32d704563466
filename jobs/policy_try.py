"""Tries the current [policy] on stored history: what it would decide otherwise; it changes nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.reconcile import judge
from reconciler.cases.shown import difference
from reconciler.findings import iso, public
from reconciler.policy.calendar import business_deadline
from reconciler.schema import runs
from reconciler.schema_cases import case_events, cases, reviews
from reconciler.schema_told import commands
from reconciler.settings import Settings
from reconciler.store.cases import follow_cases
from reconciler.store.engine import write
from reconciler.store.findings import list_findings

_TOLD = ("severity", "status", "reason", "policy_clause", "recommendation", "refundable_amount", "amount")


def try_policy(settings: Settings, engine: sa.Engine, since: datetime, now: datetime) -> dict[str, Any]:
    """The differences that the current configuration makes to findings and cases seen since a time.

    Judged as of the last run, so that no difference comes from the time that has passed since.
    """
    with write(engine, keep=False) as connection:
        last = connection.execute(sa.select(sa.func.max(runs.c.finished_at))).scalar()
        before, seen = _state(connection), _seen(connection, since)
        _judge_again(settings, connection, last or now)
        after = _state(connection)
    return {
        "since": iso(since),
        "as_of": iso(last or now),
        "findings": _differences(before["findings"], after["findings"], seen),
        "cases": _differences(before["cases"], after["cases"], seen),
        "commands": [after["commands"][id_] for id_ in after["commands"] if id_ not in before["commands"]],
    }


def _judge_again(settings: Settings, connection: sa.Connection, at: datetime) -> None:
    for row in connection.execute(sa.select(reviews).where(reviews.c.complete_at.is_not(None))).mappings().all():
        policy = settings.policy
        zone = ZoneInfo(settings.timezone)
        due = business_deadline(row["complete_at"], policy.review_business_days, policy.holidays, zone)
        values = {"due_at": due.due_at, "warn_at": due.warn_at, "due_known": due.known}
        connection.execute(sa.update(reviews).where(reviews.c.id == row["id"]).values(values))
    judge(settings, connection, at, full=True)
    follow_cases(connection, settings, list(connection.execute(sa.select(cases.c.id)).scalars()), at)


def _seen(connection: sa.Connection, since: datetime) -> set[str]:
    """The findings last seen since a time, their cases, and the cases that something happened to."""
    rows = list_findings(connection, since=since)
    events = sa.select(case_events.c.case_id).where(case_events.c.at >= since).distinct()
    return {*connection.execute(events).scalars(), *(row["id"] for row in rows), *(row["case_id"] for row in rows)}


def _state(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    rows = [public(row) for row in list_findings(connection)]
    query = sa.select(cases).order_by(cases.c.opened_at, cases.c.id)
    told = connection.execute(sa.select(commands).order_by(commands.c.made_at, commands.c.command_id)).mappings()
    return {
        "findings": {
            row["id"]: {"kind": row["kind"], "transaction_ids": row["transaction_ids"], "order_id": row["order_id"]}
            | {name: row[name] for name in _TOLD}
            for row in rows
        },
        "cases": {
            row["id"]: {"kind": row["kind"], "status": row["status"], **row["said"]}
            for row in connection.execute(query).mappings()
        },
        "commands": {
            row["command_id"]: {"type": row["type"], "account_id": row["account_id"], "case_id": row["case_id"]}
            for row in told
        },
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], seen: set[str]) -> list[dict[str, Any]]:
    """What is new, and what is gone or otherwise of the things seen, each with both sides."""
    found = []
    for id_ in [*before, *(id_ for id_ in after if id_ not in before)]:
        if id_ in before and id_ not in seen:
            continue
        old, new = before.get(id_), after.get(id_)
        about = new or old or {}
        if old is None or new is None:
            found.append({"id": id_, "kind": about["kind"], "before": old, "after": new})
            continue
        left, right = _case_otherwise(old, new) if "checks" in new else _otherwise(old, new)
        if right:
            found.append({"id": id_, "kind": about["kind"], "before": left, "after": right})
    return found


def _case_otherwise(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left, right = difference(old, new)
    if old["status"] != new["status"]:
        return {"status": old["status"], **left}, {"status": new["status"], **right}
    return left, right


def _otherwise(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    changed = [name for name in _TOLD if old[name] != new[name]]
    return {name: old[name] for name in changed}, {name: new[name] for name in changed}
