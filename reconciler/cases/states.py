"""How a case moves by itself and by an operator's small acts: opened, woken, reopened, resolved, assigned, snoozed."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler.cases.model import DECIDED, OPEN, PROGRAM, RESOLVED, SNOOZED, Case, Entry, Picture
from reconciler.cases.shown import Said, difference, said
from reconciler.errors import BadRecord
from reconciler.findings import iso

Moved = tuple[Case, list[Entry]]
_WAKING = ("recommendation", "policy_clause", "due_at")
"""What a case says that wakes it when it changes."""


def follow(case: Case, before: Said | None, picture: Picture, now: datetime) -> Moved:
    """The case after what it is about has changed from `before` (None: it is new) to `picture`."""
    entries = [] if before is None else _changes(before, picture, now)
    status, note = _status(case, before, picture, now)
    if status != case.status:
        event = {OPEN: "woken" if case.status == SNOOZED else "reopened", RESOLVED: "resolved"}.get(status, status)
        entries.append(Entry(now, PROGRAM, event, note, {"status": case.status}, {"status": status}))
        case = replace(case, status=status, **_awake(status))
    return case, entries


def _status(case: Case, before: Said | None, picture: Picture, now: datetime) -> tuple[str, str]:
    fresh = [matter for matter in picture.matters if matter not in _settled(case)]
    if case.status == OPEN:
        return _still_open(picture, fresh)
    if case.status == SNOOZED:
        return _wake(case, before, picture, now)
    if fresh:
        return OPEN, picture.because
    if case.status == DECIDED and not picture.waits:
        return RESOLVED, "what was decided is done"
    return case.status, ""


def _still_open(picture: Picture, fresh: Collection[str]) -> tuple[str, str]:
    """An open case is resolved once nothing asks for a decision, or only what was decided before and is done."""
    if fresh or (picture.matters and picture.waits):
        return OPEN, ""
    return RESOLVED, "what was decided is done" if picture.matters else picture.because


def _settled(case: Case) -> set[str]:
    """What the decision settles. No finding stands when a case is resolved: one that does now has come back."""
    about = set(case.decision.about) if case.decision else set()
    return {matter for matter in about if case.status != RESOLVED or not matter.startswith("finding:")}


def _wake(case: Case, before: Said | None, picture: Picture, now: datetime) -> tuple[str, str]:
    """Why a snoozed case is awake: it was put aside for what was known of it then, never for what came since."""
    if not picture.matters:
        return RESOLVED, picture.because
    if case.snoozed_until is not None and now >= case.snoozed_until:
        return OPEN, "the time has come"
    if case.snoozed_minor is not None and (picture.amount_minor or 0) > case.snoozed_minor:
        return OPEN, "the amount has grown"
    after = said(picture)
    if before is not None and any(before.get(name) != after[name] for name in _WAKING):
        return OPEN, f"something new came: {picture.because}"
    return SNOOZED, ""


def _awake(status: str) -> dict[str, Any]:
    if status == SNOOZED:
        return {}
    return {"snoozed_until": None, "snoozed_minor": None} | ({} if status == OPEN else {"pending": None})


def _changes(before: Said, after: Picture, now: datetime) -> list[Entry]:
    """What the facts changed about a case, as one entry with the old and the new values."""
    left, right = difference(before, said(after))
    return [Entry(now, PROGRAM, "changed", after.because, left, right)] if right else []


def told_of_time(case: Case, picture: Picture, last: str | None, now: datetime) -> Moved:
    """An entry when a due date comes near or passes, once each; `last` is what was told last of this date.

    It wakes a snoozed case. A request that was decided is answered, and a case that is resolved waits for nobody.
    """
    state = picture.due_state(now)
    answered = case.status == RESOLVED or (case.status == DECIDED and picture.kind == "review")
    if answered or state == last or state not in {"due_soon", "overdue"}:
        return case, []
    word = "is due soon" if state == "due_soon" else "is overdue"
    due = iso(picture.due_at)
    entries = [Entry(now, PROGRAM, state, f"the case {word}: {due}", {}, {"due_at": due})]
    if case.status == SNOOZED:
        entries.append(Entry(now, PROGRAM, "woken", f"it {word}", {"status": SNOOZED}, {"status": OPEN}))
        case = replace(case, status=OPEN, **_awake(OPEN))
    return case, entries


def assign(case: Case, owner: str | None, by: str, now: datetime) -> Moved:
    """Give the case to a person, or to nobody."""
    entry = Entry(now, by, "assigned", "", {"owner": case.owner}, {"owner": owner})
    return replace(case, owner=owner), [entry]


def note(case: Case, by: str, text: str, now: datetime) -> Moved:
    """Write something down about the case."""
    return case, [Entry(now, by, "noted", text)]


def snooze(case: Case, until: datetime | None, above_minor: int | None, by: str, text: str, now: datetime) -> Moved:
    """Put the case aside until a time, or until more than `above_minor` is at stake. Raises BadRecord."""
    if case.status not in {OPEN, SNOOZED}:
        raise BadRecord(f"case {case.id} is {case.status}: only an open one can be snoozed")
    if until is not None and until <= now:
        raise BadRecord("a case is snoozed until a time in the future")
    after = {"status": SNOOZED, "until": iso(until), "above_minor": above_minor}
    changed = replace(case, status=SNOOZED, snoozed_until=until, snoozed_minor=above_minor)
    return changed, [Entry(now, by, "snoozed", text, {"status": case.status}, after)]


def reopen(case: Case, by: str, text: str, now: datetime) -> Moved:
    """Ask for another decision about the case; the earlier one stays on its timeline. Raises BadRecord."""
    if case.status == OPEN:
        raise BadRecord(f"case {case.id} is open already")
    changed = replace(case, status=OPEN, decision=None, snoozed_until=None, snoozed_minor=None)
    return changed, [Entry(now, by, "reopened", text, {"status": case.status}, {"status": OPEN})]
