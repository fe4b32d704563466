"""What a decision does, and when it is refused: the one place that turns an operator's word into effects."""

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.cases.model import COMMANDED, DECIDED, OPEN, SNOOZED, Action, Case, Decision, Entry, Facts, Picture
from reconciler.errors import BadRecord
from reconciler.findings import OPEN as STANDS
from reconciler.findings import iso
from reconciler.money import format_minor
from reconciler.policy import Purchase, of_purchase, refund_blocked
from reconciler.policy.chargeback import HARD, checks, leading

_DISMISSING = ("decline", "dismiss")
_BACK_ALREADY = ("suspected_chargeback", "unapproved_refund", "refund_exceeds_charge")
"""Kinds where the money went back before anybody agreed: a refund decided afterwards explains it."""
_PUNISHED = ("chargeback", "suspected_chargeback", "dispute_signal")


@dataclass(frozen=True, slots=True)
class Refund:
    """An approved refund of one charge."""

    provider: str
    ref: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Order:
    """A command that a decision makes: one effect on one account, with the clause that it rests on."""

    action: Action
    account_id: str
    clause: str
    finding_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one decision does; it is stored whole or not at all."""

    case: Case
    entries: tuple[Entry, ...]
    refunds: tuple[Refund, ...] = ()
    command: Order | None = None
    dismissed: tuple[str, ...] = ()


def decide(case: Case, facts: Facts, picture: Picture, wanted: Decision, *, further: bool = False) -> Outcome:
    """What the wanted decision does to an open case. Raises BadRecord, with the reason, where it may not be taken.

    `further`: one more effect of the decision that was just taken.
    """
    if not further:
        _check_open(case)
    refunds = _refunds(facts, picture, wanted) if wanted.action == "refund" else ()
    if wanted.amount_minor is not None and wanted.action != "refund":
        raise BadRecord(f"an amount belongs to a refund, not to {wanted.action}")
    command = _command(facts, wanted.action, wanted.at) if wanted.action in COMMANDED else None
    if wanted.action in {"decline", "deliver"}:
        _check_request(facts, wanted.action)
    paid = sum(refund.minor for refund in refunds) if refunds else None
    account_id = command.account_id if command else None
    decision = replace(wanted, amount_minor=paid, about=picture.matters, account_id=account_id)
    decided = replace(case, status=DECIDED, decision=decision, snoozed_until=None, snoozed_minor=None, pending=None)
    entry = _entry(case, picture, decision, refunds, command)
    return Outcome(decided, (entry,), refunds, command, _dismissed(facts, wanted.action))


def _check_open(case: Case) -> None:
    if case.status in {OPEN, SNOOZED}:
        return
    if case.decision is not None:
        said = case.decision
        raise BadRecord(
            f"case {case.id} was decided already: {said.action} by {said.by} at {iso(said.at)}; "
            f"reopen it first to decide anew"
        )
    raise BadRecord(f"case {case.id} is {case.status}: nothing is left to decide; reopen it if there is")


def _entry(
    case: Case, picture: Picture, decision: Decision, refunds: tuple[Refund, ...], command: Order | None
) -> Entry:
    before = {"status": case.status, "recommendation": picture.recommendation, "policy_clause": picture.clause}
    after = {
        "status": DECIDED,
        "action": decision.action,
        "mode": decision.mode,
        **({"requested_by": decision.requested_by} if decision.requested_by else {}),
        "refunds": [
            {"provider": one.provider, "ref": one.ref, "amount": format_minor(one.minor, one.currency),
             "currency": one.currency}
            for one in refunds
        ],
        "account_id": command.account_id if command else None,
        "checks": {check.name: check.says for check in picture.checks},
    }  # fmt: skip
    return Entry(decision.at, decision.by, "decided", decision.note, before, after)


def _check_request(facts: Facts, action: Action) -> None:
    kinds = {one.kind for one in facts.findings if one.status == STANDS}
    if action == "deliver" and not (kinds & {"undelivered_order", "unclaimed_order"} or facts.review):
        raise BadRecord("there is no undelivered order here: deliver is no answer to this case")


def _dismissed(facts: Facts, action: Action) -> tuple[str, ...]:
    """The findings that a decision settles. A refund and a delivery settle nothing until the facts show them."""
    standing = [one for one in facts.findings if one.status == STANDS]
    if action in _DISMISSING:
        return tuple(one.id for one in standing)
    if action in COMMANDED:
        return tuple(one.id for one in standing if one.kind in _PUNISHED)
    return ()


def _refunds(facts: Facts, picture: Picture, wanted: Decision) -> tuple[Refund, ...]:
    """Each refund bound to one charge, at most what is left of it (policy 6)."""
    chosen = [one for one in facts.purchases if wanted.ref in {None, one.ref}]
    chosen = [one for one in chosen if not _blocked(one, picture)] or chosen
    if not chosen:
        raise BadRecord(
            "a refund is bound to one charge, and no charge is known here"
            if wanted.ref is None
            else f"charge {wanted.ref} does not belong to this case"
        )
    if wanted.amount_minor is not None and len(chosen) > 1:
        refs = ", ".join(one.ref for one in chosen)
        raise BadRecord(f"an amount is bound to one charge: name one of {refs} with --charge")
    return tuple(_refund(purchase, picture, wanted) for purchase in chosen)


def _refund(purchase: Purchase, picture: Picture, wanted: Decision) -> Refund:
    blocked = _blocked(purchase, picture)
    if blocked:
        raise BadRecord(f"refund refused (policy 6): {blocked}")
    if purchase.paid_minor is None or purchase.currency is None:
        raise BadRecord(f"charge {purchase.ref} has not been pulled yet: use `refund record`, which waits for it")
    minor = wanted.amount_minor
    if minor is None:
        minor = _proposed(purchase, picture)
    is_back = picture.kind in _BACK_ALREADY
    left = purchase.paid_minor - (purchase.approved_minor if is_back else purchase.given_back_minor)
    if not 0 < minor <= left:
        amounts = [f"{format_minor(part, purchase.currency)} {purchase.currency}" for part in (minor, left)]
        raise BadRecord(f"refund refused (policy 6): {amounts[0]} asked, {amounts[1]} is left of charge {purchase.ref}")
    return Refund(purchase.provider, purchase.ref, minor, purchase.currency)


def _blocked(purchase: Purchase, picture: Picture) -> str | None:
    """Why nothing may be refunded of a charge; what went back before anybody agreed may still be approved."""
    explains = picture.kind in _BACK_ALREADY and not purchase.approved_minor
    return None if explains else refund_blocked(purchase)


def _proposed(purchase: Purchase, picture: Picture) -> int:
    """The amount where the operator names none: what the policy allows at most."""
    if picture.kind in _BACK_ALREADY and purchase.paid_minor is not None:
        if purchase.uncompared:
            raise BadRecord(
                f"what went back of charge {purchase.ref} is in another currency: name the amount with --amount"
            )
        return min(purchase.returned_minor, purchase.paid_minor - purchase.approved_minor)
    most = of_purchase(purchase)
    if most is None:
        raise BadRecord(f"what is refundable of charge {purchase.ref} is unknown: name the amount with --amount")
    return most


def _command(facts: Facts, action: Action, now: datetime) -> Order:
    """One effect on the one account that owns the charge. Never on suspicion, never on an account that is a guess."""
    purchase = facts.purchase
    if purchase is None or purchase.account_id is None:
        known = purchase.accounts if purchase else ()
        fits = f"more than one account fits: {', '.join(known)}" if known else "no account is known for it"
        raise BadRecord(f"{action} refused (policy 7): the account is unresolved, {fits}")
    finding = next((one.id for one in facts.findings if one.kind == "chargeback"), None)
    if action == "reinstate":
        _check_reinstate(facts, purchase)
        return Order(action, purchase.account_id, "7", finding)
    clause = _ground(facts, purchase, action, now)
    _check_repeat(facts, purchase, action)
    return Order(action, purchase.account_id, clause, finding or _revoked(facts))


def _check_reinstate(facts: Facts, purchase: Purchase) -> None:
    if not facts.acted and purchase.account_status not in {"suspended", "banned"}:
        raise BadRecord(f"reinstate refused: account {purchase.account_id} is not suspended")


def _ground(facts: Facts, purchase: Purchase, action: Action, now: datetime) -> str:
    """The clause that lets an account be touched: a confirmed chargeback, or credits kept after a refund."""
    dispute = leading(purchase)
    if (dispute is None or not dispute.standing) and _revoked(facts) and action in {"suspend", "forfeit"}:
        if any(one.kind in _PUNISHED and one.status == STANDS for one in facts.findings):
            raise BadRecord(f"{action} refused (policy 7): a suspicion alone is no ground; record the chargeback first")
        return "6"
    for check in checks(purchase, dispute, now):
        if check.name in HARD and not check.passed:
            raise BadRecord(f"{action} refused (policy 7): {check.says}")
    return "7"


def _revoked(facts: Facts) -> str | None:
    revoked = (one.id for one in facts.findings if one.kind == "credits_not_revoked" and one.status == STANDS)
    return next(revoked, None)


def _check_repeat(facts: Facts, purchase: Purchase, action: Action) -> None:
    status = purchase.account_status
    if (action == "suspend" and status in {"suspended", "banned"}) or (action == "ban" and status == "banned"):
        raise BadRecord(f"{action} refused: account {purchase.account_id} is {status} already")
