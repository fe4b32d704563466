"""Says what a case comes to: what it is about, what the policy recommends, by when, and what asks for a decision."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler.cases.model import Action, Facts, Found, Picture
from reconciler.findings import OPEN, SEVERITIES
from reconciler.policy import CLAUSES, Dispute, Matter, Purchase, Verdict, judge_chargeback, judge_request, of_purchase
from reconciler.policy.chargeback import HARD, checks, leading

NOT_FOR_CASES = ("feed_gap", "unreadable_record", "unclaimed_order")
"""Kinds of finding that nobody has to decide: the program reads again, or the buyer may still come."""
_AGREED = "refund_not_executed"
"""Of findings of one severity the one that says that something was agreed and not done."""
DUPLICATE = "duplicate_charge"
_CHARGEBACK = "chargeback"
_SIGNAL = "dispute_signal"
_UNCLEAR = Verdict(
    "6",
    "manual",
    "A refund was agreed, and what went back is in another currency: compare the two, and reinstate the account if "
    "they are the same.",
)
WARN_BEFORE = timedelta(days=3)
"""How long before the answer to a chargeback is due the warning goes out."""


def opens_case(kind: str, severity: str) -> bool:
    """Whether a finding asks for a decision: severity warning and above, of a kind that a person can decide."""
    return severity != "info" and kind not in NOT_FOR_CASES


def assess(facts: Facts, now: datetime) -> Picture:
    """What the facts come to as of `now`; a chargeback speaks before a request, a request before findings."""
    verdict, kind = _verdict(facts, now)
    worst = _worst(facts)
    amount, currency = _at_stake(facts, worst)
    dispute = leading(facts.purchase) if facts.purchase else None
    due = dispute.due_at if dispute and dispute.state == "open" else None
    warn = due - WARN_BEFORE if due else None
    known = True
    if due is None and facts.review is not None:
        due, warn, known = facts.review.due_at, facts.review.warn_at, facts.review.due_known
    return Picture(
        kind=kind,
        recommendation=verdict.recommendation,
        clause=verdict.clause or None,
        because=verdict.because,
        refundable_minor=verdict.refundable_minor,
        amount_minor=amount,
        currency=currency,
        severity="critical" if dispute and dispute.standing else worst.severity if worst else "warning",
        due_at=due,
        warn_at=warn,
        due_known=known,
        checks=checks(facts.purchase, dispute, now) if facts.purchase and dispute and dispute.confirmed else (),
        proposals=tuple(_proposals(facts, verdict, now)),
        ask_for=verdict.ask_for,
        matters=tuple(_matters(facts, verdict)),
        waits=bool(_waiting(facts)) or (dispute is not None and dispute.state == "open") or _is_owed(facts),
    )


def _verdict(facts: Facts, now: datetime) -> tuple[Verdict, str]:
    purchase = facts.purchase
    matter = Matter(now, purchase, facts.review.request if facts.review else None, facts.outages)
    if facts.review is not None:
        return judge_request(matter), "review"
    about = _about_chargeback(facts, matter)
    worst = _worst(facts)
    if about is not None and (worst is None or purchase is None or not _is_over(purchase, about)):
        return about, _SIGNAL if about.recommendation == "manual" and _is_quiet(purchase) else _CHARGEBACK
    if facts.acted and facts.explained and worst is None:
        return Verdict("7", "reinstate", "The reversal is explained now: reinstate the account."), _CHARGEBACK
    if facts.acted and _is_unclear(facts) and worst is None:
        return _UNCLEAR, _CHARGEBACK
    if worst is not None:
        return _of_finding(facts, worst), worst.kind
    return Verdict("", "none", "Nothing is open any more."), _last_kind(facts)


def _of_finding(facts: Facts, worst: Found) -> Verdict:
    """What a finding says; of a duplicate only what is still to go back of surplus charges that nobody disputes."""
    refundable = worst.refundable_minor
    if worst.kind == DUPLICATE and any(one.surplus for one in facts.purchases):
        refundable = refundable_of_duplicate(facts, refundable)
        if refundable is None:
            return Verdict(worst.clause or "", "manual", worst.explanation, 0)
    if refundable is None and worst.recommendation == "refund" and facts.purchase is not None:
        refundable = of_purchase(facts.purchase)
    return Verdict(worst.clause or "", worst.recommendation, worst.explanation, refundable)


def refundable_of_duplicate(facts: Facts, said: int | None) -> int | None:
    """What may still go back of the surplus charges for which no chargeback stands; None where one stands for each.

    What was agreed to or given back before is taken off: a further surplus charge adds its own amount, and no more.
    `said` is what the finding says.
    """
    surplus = [one for one in facts.purchases if one.surplus]
    free = [one for one in surplus if not standing(one)]
    left = sum(of_purchase(one) or 0 for one in free)
    if not left and len(free) == len(surplus):
        return said  # all of it is agreed to: that is what the case was about
    return left if free else None


def standing(purchase: Purchase) -> bool:
    """Whether a chargeback of the purchase stands: then nothing may go back for it (policy 6)."""
    return any(one.standing for one in purchase.disputes)


def _about_chargeback(facts: Facts, matter: Matter) -> Verdict | None:
    """What policy 7 says, with what the purchase alone does not tell: explanations, the account's other disputes."""
    about = judge_chargeback(matter, acted=facts.acted)
    if about is None:
        return None
    if about.recommendation == "none" and facts.acted and facts.explained:
        about = Verdict("6", "reinstate", "A refund that was agreed explains what went back: reinstate the account.")
    if about.recommendation == "none" and facts.acted and _is_unclear(facts):
        return _UNCLEAR
    if about.recommendation == "reinstate" and facts.others_standing:
        return Verdict("7", "none", f"{about.because.partition(':')[0]}, but another one of the account stands.")
    return about


def _is_unclear(facts: Facts) -> bool:
    return facts.purchase is not None and facts.purchase.unclear


def _is_over(purchase: Purchase, about: Verdict) -> bool:
    """Whether there is nothing to do about chargebacks, or none has come yet, where findings may say more."""
    return about.recommendation != "reinstate" and _is_quiet(purchase)


def _is_quiet(purchase: Purchase | None) -> bool:
    return purchase is None or not standing(purchase)


def _last_kind(facts: Facts) -> str:
    if facts.purchase and facts.purchase.disputes:
        return _CHARGEBACK
    return facts.findings[0].kind if facts.findings else _CHARGEBACK


def _open(facts: Facts) -> list[Found]:
    return [one for one in facts.findings if one.status == OPEN]


def _waiting(facts: Facts) -> list[Found]:
    """The open findings, less those that only say aloud what the chargebacks on record say."""
    told = [one for purchase in facts.purchases for one in purchase.disputes]
    ids, recorded = {one.id for one in told}, any(one.confirmed for one in told)
    return [one for one in _open(facts) if one.dispute_id not in ids and not (recorded and one.kind == _CHARGEBACK)]


def _is_owed(facts: Facts) -> bool:
    """Whether a refund was agreed to a request, and the money has not gone back yet; in other money it has."""
    return facts.review is not None and any(
        one.approved_minor > one.returned_minor and not one.uncompared for one in facts.purchases
    )


def _worst(facts: Facts) -> Found | None:
    """The finding that leads: the most severe one, the one with an advice before one for a person."""
    order = {name: place for place, name in enumerate(SEVERITIES)}
    standing = sorted(
        _waiting(facts),
        key=lambda one: (-order[one.severity], one.kind != _AGREED, one.recommendation == "manual", one.id),
    )
    return standing[0] if standing else None


def _at_stake(facts: Facts, worst: Found | None) -> tuple[int | None, str | None]:
    dispute = leading(facts.purchase) if facts.purchase else None
    if dispute is not None and (dispute.confirmed or worst is None):
        return dispute.amount_minor, dispute.currency
    if worst is not None:
        return worst.amount_minor, worst.currency
    if facts.purchase is not None:
        return facts.purchase.paid_minor, facts.purchase.currency
    return (facts.findings[0].amount_minor, facts.findings[0].currency) if facts.findings else (None, None)


def _proposals(facts: Facts, verdict: Verdict, now: datetime) -> Iterator[Action]:
    """The commands that an operator may confirm, the recommended one first; forfeit and ban are always separate."""
    if verdict.recommendation == "reinstate":
        yield "reinstate"
        return
    purchase = facts.purchase
    dispute = leading(purchase) if purchase else None
    if purchase is None or dispute is None or not dispute.standing:
        return
    if any(check.name in HARD and not check.passed for check in checks(purchase, dispute, now)):
        return
    if purchase.account_status not in {"suspended", "banned"} and not facts.acted:
        yield "suspend"
    yield "forfeit"
    if purchase.account_status != "banned":
        yield "ban"


def _matters(facts: Facts, verdict: Verdict) -> Iterator[str]:
    for finding in _waiting(facts):
        yield f"finding:{finding.id}"
        if finding.kind == DUPLICATE:
            yield from (f"surplus:{one.provider}/{one.ref}" for one in facts.purchases if _is_refundable(one))
    if facts.review is not None:
        yield f"review:{facts.review.id}"
    for purchase in facts.purchases:
        for dispute in purchase.disputes:
            yield from _matters_of(dispute, verdict, explained=facts.explained)
    disputed = facts.purchase is not None and standing(facts.purchase)
    if facts.explained and (verdict.recommendation == "reinstate" or disputed):
        yield "reinstate:explained"  # who decides while it stands knows of it
    if _is_unclear(facts) and (verdict is _UNCLEAR or disputed):
        yield "reinstate:unclear"


def _is_refundable(purchase: Purchase) -> bool:
    """A surplus charge that may go back: a further one, or one whose dispute has ended, asks for a word of its own."""
    return purchase.surplus and not standing(purchase) and of_purchase(purchase) != 0


def _matters_of(dispute: Dispute, verdict: Verdict, *, explained: bool) -> Iterator[str]:
    undo = verdict.recommendation == "reinstate"
    if dispute.state == "signal":
        yield signal_matter(dispute.id)
    if dispute.standing:
        yield chargeback_matter(dispute)
        if undo and not explained:
            yield f"reinstate:{dispute.id}:{dispute.round}:our fault"
    elif undo:
        yield f"reinstate:{dispute.id}:{dispute.round}:{dispute.state}"


def signal_matter(id_: str) -> str:
    """The name of what a mere sign of a dispute asks for."""
    return f"signal:{id_}"


def chargeback_matter(dispute: Dispute) -> str:
    """The name of what a chargeback that stands asks for; each time that it begins again it is another matter."""
    return f"chargeback:{dispute.id}:{dispute.round}"


def clause_text(clause: str | None) -> str:
    """What a clause says, for people; empty for none."""
    return CLAUSES.get(clause or "", "")
