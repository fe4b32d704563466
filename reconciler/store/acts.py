"""What an operator does to a case, whole and in one transaction: the same for the command line and the dashboard."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.cases.model import Action, Decision
from reconciler.errors import BadRecord
from reconciler.money import to_minor
from reconciler.schema_told import outbox
from reconciler.settings import Settings
from reconciler.store.automatic import act
from reconciler.store.case_views import case_document, find_case
from reconciler.store.cases import follow_cases
from reconciler.store.decisions import decide_case, look
from reconciler.store.due_cases import sharing

Done = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision as it is typed: `amount` as a decimal text, `seen` the version of the case that was looked at."""

    action: Action
    by: str
    note: str
    amount: str | None = None
    charge: str | None = None
    seen: int | None = None


def decide(connection: sa.Connection, settings: Settings, case: str, wanted: Wanted, now: datetime) -> Done:
    """Take a decision; returns the case after it and all that follows from it. Raises BadRecord, with nothing done.

    With `waits_for_second` nothing follows yet: a second operator has to decide the same.
    """
    id_ = find_case(connection, case)
    decision = Decision(
        wanted.action, wanted.by, wanted.note, now, amount_minor=_minor(connection, settings, id_, wanted, now),
        ref=wanted.charge,
    )  # fmt: skip
    done = decide_case(connection, settings, id_, decision, seen_version=wanted.seen)
    return {
        "case": case_document(connection, id_, now),
        "refunds": [entry for one in done.outcome.entries for entry in one.after.get("refunds", ())],
        "dismissed_finding_ids": list(done.outcome.dismissed),
        "command": _body(connection, done.command_id),
        "waits_for_second": done.waits,
    }


def enter(
    connection: sa.Connection,
    settings: Settings,
    work: Callable[[sa.Connection, datetime], tuple[str, Done]],
    now: datetime,
) -> Done:
    """Write down what was heard outside the feeds, and bring the cases of its charge up to date.

    `work` returns the id of the case that it is about, and what to say about it.
    """
    case_id, entered = work(connection, now)
    related = case_document(connection, case_id, now)["related_case_ids"]
    about = {case_id, *related}
    followed = follow_cases(connection, settings, about | sharing(connection, about), now)
    act(connection, settings, followed.seen.values(), now)
    return entered | {"case_id": case_id, "case": case_document(connection, case_id, now)}


def _minor(connection: sa.Connection, settings: Settings, id_: str, wanted: Wanted, now: datetime) -> int | None:
    if wanted.amount is None:
        return None
    _, facts, _ = look(connection, settings, id_, now)
    currency = next((one.currency for one in facts.purchases if one.currency), None)
    try:
        return to_minor(wanted.amount, currency or "")
    except BadRecord as error:
        raise BadRecord(f"amount: {error}; write it as in 12.50") from None


def _body(connection: sa.Connection, command_id: str | None) -> Any:
    """The command exactly as the shop gets it."""
    if command_id is None:
        return None
    body = connection.execute(sa.select(outbox.c.body).where(outbox.c.key == command_id)).scalar_one()
    return json.loads(body)
