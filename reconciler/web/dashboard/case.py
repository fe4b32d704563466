"""One case: everything about it, and what an operator does with it."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reconciler.cases import states
from reconciler.cases.model import ACTIONS, Case, Facts
from reconciler.errors import BadRecord
from reconciler.policy import CLAUSES, refund_blocked
from reconciler.store import cases as store
from reconciler.store.acts import Done, Wanted, decide
from reconciler.store.case_views import case_document, find_case
from reconciler.store.decisions import look
from reconciler.store.engine import read, write
from reconciler.store.filters import wanted as filter_of
from reconciler.store.stories import gather
from reconciler.web.dashboard.guard import ByOperator, Change, Viewer
from reconciler.web.dashboard.site import page, site_of
from reconciler.web.dashboard.sums import how_found

STORIES = 10
"""Findings of a case that are told in full; the rest are linked."""
router = APIRouter(include_in_schema=False)
DONE = ("decided", "requested", "assigned", "snoozed", "noted", "reopened", "entered")


@router.get("/cases/{id_}")
def one(request: Request, visitor: Viewer, id_: str, done: str = "") -> Response:
    """Everything about one case."""
    return _shown(request, visitor, id_, done=done if done in DONE else "")


@router.post("/cases/{id_}/decide")
def decided(request: Request, change: ByOperator, id_: str) -> Response:
    """Show what a decision would do, and take it when somebody is sure."""
    site, sure = site_of(request), bool(change.text("sure"))
    said = {name: change.text(name) for name in ("action", "note", "amount", "charge", "seen")}
    try:
        wanted = _wanted(change, said)
        with write(site.engine, keep=sure) as connection:
            would = decide(connection, site.settings, id_, wanted, site.now())
            effect = _effect(would)
            if sure and change.text("effect") not in {"", effect}:
                raise BadRecord("what this would do has changed since you looked: look at it again")
        if sure:
            word = "requested" if would["waits_for_second"] else "decided"
            return RedirectResponse(f"/cases/{id_}?done={word}", 303)
        with read(site.engine) as connection:
            case = case_document(connection, id_, site.now())
    except BadRecord as error:
        return _shown(request, change.visitor, id_, 409, wrong=str(error), note=said["note"], amount=said["amount"])
    return page(request, "confirm", change.visitor, 200, would=would, effect=effect, case=case, **said)


@router.post("/cases/{id_}/assign")
def assign(request: Request, change: ByOperator, id_: str) -> Response:
    """Give the case to a person."""
    owner, by, now = change.text("to", 64) or None, change.visitor.name, site_of(request).now()
    return _act(request, change, id_, "assigned", lambda case, _row: states.assign(case, owner, by, now))


@router.post("/cases/{id_}/snooze")
def snooze(request: Request, change: ByOperator, id_: str) -> Response:
    """Put the case aside."""
    site, by, note = site_of(request), change.visitor.name, change.text("note")
    until = filter_of({"since": change.text("until")}, site.zone).since

    def aside(case: Case, row: Any) -> states.Moved:
        grows = bool(change.text("grows"))
        if until is None and not grows:
            raise BadRecord("say until when: a day, or until more is at stake, or both")
        return states.snooze(case, until, (row["amount_minor"] or 0) if grows else None, by, note, site.now())

    return _act(request, change, id_, "snoozed", aside)


@router.post("/cases/{id_}/note")
def note(request: Request, change: ByOperator, id_: str) -> Response:
    """Write something down about the case."""
    by, text, now = change.visitor.name, _said(change, "text", 4000), site_of(request).now()
    return _act(request, change, id_, "noted", lambda case, _row: states.note(case, by, text, now))


@router.post("/cases/{id_}/reopen")
def reopen(request: Request, change: ByOperator, id_: str) -> Response:
    """Ask for another decision."""
    by, text, now = change.visitor.name, _said(change, "note", 2000), site_of(request).now()
    return _act(request, change, id_, "reopened", lambda case, _row: states.reopen(case, by, text, now))


def _act(request: Request, change: Change, id_: str, done: str, work: Callable[[Case, Any], states.Moved]) -> Response:
    site = site_of(request)
    try:
        with write(site.engine) as connection:
            store.change_case(connection, find_case(connection, id_), work, site.now())
    except BadRecord as error:
        return _shown(request, change.visitor, id_, 409, wrong=str(error))
    back = change.text("back")
    return RedirectResponse(
        back if back.startswith("/cases?") or back == "/cases" else f"/cases/{id_}?done={done}", 303
    )


def _effect(done: Done) -> str:
    """A mark of what a decision does: money, account and findings that are shown are those that it is about."""
    command = done["command"]
    order = None if command is None else [command["type"], command["data"]["account_id"]]
    said = [done["refunds"], done["dismissed_finding_ids"], done["waits_for_second"], order]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _wanted(change: Change, said: dict[str, str]) -> Wanted:
    if said["action"] not in ACTIONS:
        raise BadRecord("choose an action")
    if not said["note"]:
        raise BadRecord("say why in the note")
    seen = int(said["seen"]) if said["seen"].isdigit() and len(said["seen"]) < 10 else -1
    return Wanted(
        said["action"],
        change.visitor.name, said["note"], said["amount"] or None, said["charge"] or None, seen,
    )  # fmt: skip


def _said(change: Change, name: str, most: int) -> str:
    text = change.text(name, most)
    if not text:
        raise BadRecord("say something in the note")
    return text


def _shown(request: Request, visitor: Viewer, id_: str, status: int = 200, **values: Any) -> Response:
    site, now = site_of(request), site_of(request).now()
    with read(site.engine) as connection:
        case = case_document(connection, id_, now)
        _, facts, _ = look(connection, site.settings, case["id"], now)
        stories = [gather(connection, one["id"]) for one in case["findings"][:STORIES]]
    clause = case["policy_clause"]
    given = {"done": "", "wrong": None, "note": "", "amount": ""} | values
    return page(
        request, "case", visitor, status, case=case, stories=stories, actions=ACTIONS, **given,
        clause=None if clause is None else {"id": clause, "text": CLAUSES.get(clause, "")},
        charges=_charges(facts), how=how_found(facts),
        blocked=any(refund_blocked(one) for one in facts.purchases), tomorrow=_tomorrow(request),
    )  # fmt: skip


def _charges(facts: Facts) -> list[str]:
    return [one.ref for one in facts.purchases if one.ref]


def _tomorrow(request: Request) -> str:
    site = site_of(request)
    return (site.now().astimezone(site.zone) + timedelta(days=1)).date().isoformat()
