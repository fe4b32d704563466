"""Stores decisions: the case, its refunds, its command, its findings and the audit record, all or nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.access import may
from reconciler.cases import four_eyes
from reconciler.cases.assess import assess, signal_matter
from reconciler.cases.decide import Order, Outcome, Refund, decide
from reconciler.cases.model import OPEN, SNOOZED, Case, Decision, Entry, Facts, Picture
from reconciler.commands import TYPES
from reconciler.errors import BadRecord
from reconciler.money import Money, format_minor
from reconciler.schema import findings
from reconciler.schema_cases import cases, disputes
from reconciler.settings import Settings
from reconciler.store import audit, refunds, users
from reconciler.store.case_facts import read_facts
from reconciler.store.cases import append, case_of, follow_cases, save
from reconciler.store.commands import make_command
from reconciler.store.findings import dismiss


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did: the case after it, and the command that goes to the shop, if one does.

    `waits`: nothing yet but that a second operator is asked to decide the same.
    """

    case_id: str
    version: int
    outcome: Outcome
    command_id: str | None
    waits: bool = False


def decide_case(
    connection: sa.Connection,
    settings: Settings,
    id_: str,
    wanted: Decision,
    *,
    seen_version: int | None = None,
    further: bool = False,
) -> Decided:
    """Take a decision about a case, with all that follows from it, in the caller's transaction.

    `seen_version` is the version that the operator looked at. Raises BadRecord, and nothing is done, where somebody
    was faster or the decision may not be taken. `further`: one more effect of a decision just taken.
    """
    row, facts, picture = look(connection, settings, id_, wanted.at)
    case = case_of(row)
    if seen_version is not None and seen_version != case.version:
        raise BadRecord(f"case {id_} was changed since you looked (version {case.version} now): look at it again")
    if settings.policy.four_eyes and wanted.action in four_eyes.HARSH:
        _check_operator(connection, wanted.by)
        case = _with_word_that_counts(connection, case)
        would = decide(case, facts, picture, wanted).case.decision or wanted
        if not four_eyes.seconds(case, would):
            return _ask(connection, case, would, row["currency"])
        wanted = replace(wanted, requested_by=case.pending.by if case.pending else None)
    outcome = decide(case, facts, picture, wanted, further=further)
    after = save(connection, outcome.case, outcome.entries, wanted.at, facts=facts, picture=picture)
    for refund in outcome.refunds:
        _approve(connection, settings, refund, wanted)
    dismiss(connection, outcome.dismissed, f"{wanted.action} by {wanted.by}: {wanted.note}", wanted.at)
    command_id = _order(connection, settings, case, outcome.command, wanted, picture) if outcome.command else None
    _audit(connection, id_, outcome, wanted, command_id)
    followed = follow_cases(connection, settings, {id_, *_siblings(connection, row, facts, wanted, outcome)}, wanted.at)
    version = followed.seen[id_][0].version
    return Decided(id_, max(version, after.version), outcome, command_id)


def _check_operator(connection: sa.Connection, name: str) -> None:
    """Two names are two people only where both are known."""
    if not _is_operator(connection, name):
        raise BadRecord(
            f"{name} is no operator: with [policy] four_eyes whoever decides this is a user of the dashboard "
            f"(`reconciler user add NAME --role operator`)"
        )


def _is_operator(connection: sa.Connection, name: str) -> bool:
    user = users.known(connection, name)
    return user is not None and user[0] == name and may(user[1], "operator")


def _with_word_that_counts(connection: sa.Connection, case: Case) -> Case:
    """The case; the first word of somebody who is no operator any more does not count in it."""
    first = case.pending
    return case if first is None or _is_operator(connection, first.by) else replace(case, pending=None)


def _ask(connection: sa.Connection, case: Case, would: Decision, currency: str | None) -> Decided:
    """Let a decision that may be taken wait for a second operator: no command, no finding dismissed."""
    asked, entry = four_eyes.ask(case, would)
    after = save(connection, asked, [entry], would.at, currency=currency)
    said = {"action": would.action, "account_id": would.account_id}
    audit.record(connection, "case.requested", case.id, would.by, would.at, said)
    return Decided(case.id, after.version, Outcome(after, (entry,)), None, waits=True)


def look(connection: sa.Connection, settings: Settings, id_: str, now: datetime) -> tuple[Any, Facts, Picture]:
    """A case's row with its facts and what they come to now. Raises BadRecord for an unknown id."""
    row = connection.execute(sa.select(cases).where(cases.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise BadRecord(f"no case has the id {id_}: see `reconciler cases list`")
    facts = read_facts(connection, [row], settings.currency.equivalents)[id_]
    return row, facts, assess(facts, now)


def _approve(connection: sa.Connection, settings: Settings, refund: Refund, wanted: Decision) -> None:
    money = Money(refund.minor, refund.currency)
    recorded = refunds.record(
        connection,
        refund.provider,
        refund.ref,
        money,
        wanted.by,
        wanted.note,
        wanted.at,
        equivalents=settings.currency.equivalents,
    )
    if not recorded.new:
        raise BadRecord(
            f"the same refund of charge {refund.ref} is on record since {recorded.at:%Y-%m-%d %H:%M} UTC; if it is "
            f"another one, say so in the note"
        )


def _order(
    connection: sa.Connection, settings: Settings, case: Case, order: Order, wanted: Decision, picture: Picture
) -> str:
    public = settings.web.public_url.rstrip("/")
    command_id = make_command(
        connection,
        type=TYPES[order.action],
        account_id=order.account_id,
        case_id=case.id,
        finding_id=order.finding_id,
        policy_clause=order.clause,
        reason=wanted.note or picture.because,
        decided_by=wanted.people,
        mode=wanted.mode,
        evidence_url=f"{public}/cases/{case.id}" if public else None,
        now=wanted.at,
    )
    after = {"command_id": command_id, "type": TYPES[order.action], "account_id": order.account_id}
    append(connection, case.id, [Entry(wanted.at, wanted.by, "commanded", order.clause, {}, after)])
    return command_id


def _audit(connection: sa.Connection, id_: str, outcome: Outcome, wanted: Decision, command_id: str | None) -> None:
    data = {
        "action": wanted.action,
        "mode": wanted.mode,
        **({"requested_by": wanted.requested_by} if wanted.requested_by else {}),
        "before": dict(outcome.entries[0].before),
        "refunds": [
            {"provider": one.provider, "ref": one.ref, "amount": format_minor(one.minor, one.currency)}
            for one in outcome.refunds
        ],
        "command_id": command_id,
        "findings": list(outcome.dismissed),
    }
    audit.record(connection, "case.decided", id_, wanted.by, wanted.at, data)


def _siblings(connection: sa.Connection, row: Any, facts: Facts, wanted: Decision, outcome: Outcome) -> set[str]:
    """Settle the other cases of the charges that a refund gives back whole: one cause closes all of them."""
    settled: set[str] = set()
    for refund in outcome.refunds:
        if not _is_whole(facts, refund):
            continue
        same = sa.and_(cases.c.provider == refund.provider, cases.c.ref == refund.ref, cases.c.id != row["id"])
        query = sa.select(cases).where(same, cases.c.status.in_([OPEN, SNOOZED]))
        for other in connection.execute(query).mappings().all():
            after = {"status": "decided", "action": wanted.action, "with_case": row["id"]}
            entry = Entry(wanted.at, wanted.by, "decided", f"decided with case {row['id']}", {"status": OPEN}, after)
            case = case_of(other)
            about = tuple(_matters(connection, other))
            decision = Decision(wanted.action, wanted.by, entry.note, wanted.at, mode=wanted.mode, about=about)
            save(connection, _with(case, decision), [entry], wanted.at)
            settled.add(other["id"])
    return settled


def _is_whole(facts: Facts, refund: Refund) -> bool:
    """Whether nothing of the charge is left to give back after this refund: a part settles nothing else."""
    paid = next(one for one in facts.purchases if one.ref == refund.ref)
    return paid.approved_minor + refund.minor >= (paid.paid_minor or 0)


def _with(case: Case, decision: Decision) -> Case:
    return Case(case.id, case.root, "decided", case.version, case.owner, decision=decision)


def _matters(connection: sa.Connection, row: Any) -> list[str]:
    """What the money back settles: findings, the buyer's request, and mere signs, for which it is the answer."""
    query = sa.select(findings.c.id).where(findings.c.case_id == row["id"], findings.c.status == OPEN)
    mine = [f"finding:{id_}" for id_ in connection.execute(query).scalars()]
    signs = sa.select(disputes.c.id).where(disputes.c.state == "signal")
    signs = signs.where(disputes.c.provider == row["provider"], disputes.c.ref == row["ref"])
    mine += [signal_matter(id_) for id_ in connection.execute(signs).scalars()]
    root = str(row["root"])
    return [*mine, root] if root.startswith("review:") else mine
