"""Judges a buyer's request for a refund review: one function for each clause, asked in the order of `REVIEW`."""

from collections.abc import Callable
from datetime import datetime, timedelta

from reconciler.model import Window
from reconciler.policy.amounts import of_purchase
from reconciler.policy.clauses import CLAUSES, STATED
from reconciler.policy.facts import Matter, Purchase, Request, Verdict
from reconciler.text import fold_email

Clause = Callable[[Matter], Verdict | None]


def incomplete(matter: Matter) -> Verdict | None:
    """5: what the request lacks, or states wrongly, so what to ask the buyer for."""
    ask = tuple(_lacking(matter))
    if not ask:
        return None
    return Verdict("5", "manual", f"The request is incomplete: ask for {'; '.join(ask)}.", ask_for=ask)


def _lacking(matter: Matter) -> list[str]:
    request = matter.request
    if request is None:
        return []
    lacking = []
    if not request.identifier.strip():
        lacking.append("the order's number or unique code")
    elif matter.purchase is None:
        lacking.append("an order's number or unique code that we know (the given one is unknown)")
    if not request.email.strip():
        lacking.append("the e-mail address of the purchase")
    elif _same_account(matter) and _email_differs(matter):
        lacking.append("the e-mail address of the purchase (the given one is another)")
    if not request.text.strip():
        lacking.append("a description of what happened")
    return lacking


def other_account(matter: Matter) -> Verdict | None:
    """4: another account than the buyer's asks; compared by account where both state it, else by e-mail."""
    request, purchase = matter.request, matter.purchase
    if request is None or purchase is None:
        return None
    if request.account_id.strip() and purchase.accounts:
        if request.account_id.strip() in purchase.accounts:
            return None
        known = ", ".join(purchase.accounts)
        return _decline("4.other_account", f"the purchase belongs to account {known}, not to {request.account_id}")
    if _email_differs(matter):
        return _decline("4.other_account", "the e-mail address of the request is not that of the purchase")
    return None


def _same_account(matter: Matter) -> bool:
    request, purchase = matter.request, matter.purchase
    return bool(request and purchase and request.account_id.strip() in purchase.accounts)


def _email_differs(matter: Matter) -> bool:
    request, purchase = matter.request, matter.purchase
    given = fold_email(request.email) if request else None
    return bool(given and purchase and purchase.emails and given not in purchase.emails)


def settled_otherwise(matter: Matter) -> Verdict | None:
    """6: the money is on its way back already, or a chargeback decides about it."""
    purchase = matter.purchase
    if purchase is None:
        return None
    reason = refund_blocked(purchase)
    if reason:
        return Verdict("6", "manual", f"No refund now: {reason}.", 0)
    return None


def refund_blocked(purchase: Purchase) -> str | None:
    """6: why nothing may be refunded of a charge, or None. While a chargeback stands the money would leave twice."""
    standing = [dispute for dispute in purchase.disputes if dispute.standing]
    if standing:
        return f"a chargeback of charge {purchase.ref} is {standing[0].state}, so the money would leave twice"
    paid = purchase.paid_minor
    if paid is None or purchase.given_back_minor < paid:
        return None
    if purchase.uncompared:
        return f"money of charge {purchase.ref} went back in another currency: what is left is for a person to say"
    if purchase.approved_minor >= paid > purchase.returned_minor:
        return f"a refund of all of charge {purchase.ref} is approved already: it has to be made at the provider"
    return f"charge {purchase.ref} was refunded in full already"


def duplicate(matter: Matter) -> Verdict | None:
    """3: the charge pays a purchase again."""
    if matter.purchase is None or not matter.purchase.surplus:
        return None
    because = f"Charge {matter.purchase.ref} pays a purchase again: a billing error."
    return Verdict("3.duplicate_charge", "refund", because, of_purchase(matter.purchase))


def undelivered(matter: Matter) -> Verdict | None:
    """3: paid and not delivered."""
    if matter.purchase is None or not matter.purchase.undelivered:
        return None
    because = f"Charge {matter.purchase.ref} was not delivered: deliver, or else refund it."
    return Verdict("3.undelivered", "deliver", because, of_purchase(matter.purchase))


def account_suspended(matter: Matter) -> Verdict | None:
    """4: the shop's own ledger says that the account is suspended or banned."""
    purchase = matter.purchase
    if purchase is None or purchase.account_status not in {"suspended", "banned"}:
        return None
    return _decline("4.account_suspended", f"account {purchase.account_id} is {purchase.account_status}")


def fraud(matter: Matter) -> Verdict | None:
    """3: somebody else paid, says the buyer, and evidence is attached. Always for a person."""
    request, purchase = matter.request, matter.purchase
    if request is None or purchase is None or request.reason != "fraud" or not request.evidence:
        return None
    because = "The buyer says that somebody else paid, with evidence: look at it and decide."
    return Verdict("3.fraud", "manual", because, of_purchase(purchase))


def outage(matter: Matter) -> Verdict | None:
    """3: since its delivery the order was usable only, or mostly, inside recorded outages. Never automatic."""
    purchase, request = matter.purchase, matter.request
    if purchase is None or request is None or purchase.delivered_at is None:
        return None
    usable = request.received_at - purchase.delivered_at
    out = _covered(matter.outages, purchase.delivered_at, request.received_at)
    if usable <= timedelta(0) or out * 2 <= usable:
        return None
    because = "The service was out for most of the time since the delivery: the unused part may be refunded."
    return Verdict("3.outage", "manual", because, of_purchase(purchase))


def _covered(outages: tuple[Window, ...], since: datetime, until: datetime) -> timedelta:
    """How much of a span lies inside outages; where outages overlap it counts once."""
    total, reached = timedelta(0), since
    for one in sorted(outages, key=lambda window: window.since):
        begin, end = max(one.since, reached), min(one.until, until)
        if end > begin:
            total, reached = total + (end - begin), end
    return total


def stated(clause: str) -> Clause:
    """4: the function of a clause that rests on the reason that the buyer states."""

    def applies(matter: Matter) -> Verdict | None:
        request = matter.request
        if request is None or matter.purchase is None or STATED.get(request.reason) != clause:
            return None
        return _decline(clause, f"the stated reason is {request.reason.replace('_', ' ')}")

    return applies


def used(matter: Matter) -> Verdict | None:
    """2: nothing unused is left of what was bought."""
    if matter.purchase is None or not matter.purchase.delivered or of_purchase(matter.purchase) != 0:
        return None
    return _decline("2", "everything that was bought is used")


def delivered(matter: Matter) -> Verdict | None:
    """1: delivered, and no exception of section 3 fits; what a person may still grant is the unused part."""
    purchase = matter.purchase
    if purchase is None or not purchase.delivered:
        return None
    return Verdict("1", "decline", f"Delivered; {CLAUSES['1'].lower()}", of_purchase(purchase))


def _decline(clause: str, because: str) -> Verdict:
    return Verdict(clause, "decline", f"{CLAUSES[clause][:-1]}: {because}.", 0)


STATED_CLAUSES = ("4.change_of_mind", "4.quality", "4.integration", "4.upstream")
REVIEW: tuple[Clause, ...] = (
    incomplete,
    other_account,
    settled_otherwise,
    duplicate,
    undelivered,
    account_suspended,
    outage,
    fraud,
    *(stated(clause) for clause in STATED_CLAUSES),
    used,
    delivered,
)
"""Who asks comes before what is asked; facts of the ledger before what a buyer says."""


def judge_request(matter: Matter) -> Verdict:
    """What the first clause that applies says of a request; a matter that no clause knows is for a person."""
    for clause in REVIEW:
        verdict = clause(matter)
        if verdict is not None:
            return verdict
    return Verdict("5", "manual", "No clause fits what is on record: look at it and decide.")


def is_complete(request: Request, purchase: Purchase | None) -> bool:
    """Whether a request has all that section 5 asks for."""
    return not _lacking(Matter(request.received_at, purchase, request))
