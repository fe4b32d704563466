"""Judges chargebacks (policy 7): the checks before an account is touched, and what is recommended."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconciler.policy.disputes import family
from reconciler.policy.facts import Check, Dispute, Matter, Purchase, Verdict

KNOWN_PURCHASES = 3
KNOWN_FOR = timedelta(days=60)
"""A buyer with so many settled, undisputed purchases over so long is a known good customer: for a person."""
FORGIVEN_AFTER = timedelta(days=365)
"""A single chargeback older than this is for a person."""
LATE_AFTER = timedelta(hours=26)
"""What a provider tells later than this after it happened never acts by itself (a replay, a backfill)."""


def checks(purchase: Purchase, dispute: Dispute | None, now: datetime) -> tuple[Check, ...]:
    """Everything that policy 7.3 asks before something is done to an account, each with its evidence."""
    return (
        _confirmed(dispute),
        _one_account(purchase),
        _asked_first(purchase, dispute),
        _no_fault(purchase, dispute),
        _no_refund(purchase),
        _not_suspended(purchase),
        _not_known(purchase),
        _recent(purchase, dispute, now),
        _reason(dispute),
    )


HARD = ("confirmed", "one_account", "no_fault_of_ours")
"""Checks that not even an operator's confirmation passes over."""


def _confirmed(dispute: Dispute | None) -> Check:
    if dispute is None or not dispute.standing:
        state = "none is on record" if dispute is None else f"it is {dispute.state}"
        return Check("confirmed", False, f"No chargeback stands confirmed: {state}.")
    facts = {"chargeback_id": dispute.id, "state": dispute.state, "origin": dispute.origin}
    return Check("confirmed", True, f"Confirmed by {dispute.origin}, state {dispute.state}.", facts)


def _one_account(purchase: Purchase) -> Check:
    accounts = {"accounts": list(purchase.accounts), "order_id": purchase.order_id}
    if purchase.account_id is not None:
        return Check("one_account", True, f"Account {purchase.account_id} owns the charge.", accounts)
    says = f"More than one account fits: {', '.join(purchase.accounts)}." if purchase.accounts else "No account fits."
    return Check("one_account", False, f"Unresolved. {says}", accounts)


def _asked_first(purchase: Purchase, dispute: Dispute | None) -> Check:
    before = [at for at in purchase.asked_at if dispute is None or at < dispute.opened_at]
    if before:
        facts = {"asked_at": min(before).isoformat()}
        return Check("did_not_ask_first", False, "The buyer asked for a review before the chargeback.", facts)
    return Check("did_not_ask_first", True, "No review request is on record from before the chargeback.")


def _no_fault(purchase: Purchase, dispute: Dispute | None) -> Check:
    about = family(dispute.reason_code) if dispute else "unknown"
    faults = [
        (purchase.surplus, "the charge pays a purchase again"),
        (purchase.undelivered, "the charge was not delivered"),
        (purchase.mismatched and about == "amount", "amount or currency of charge and order differ"),
        (_is_refund_owed(purchase) and about == "credit_not_processed", "an approved refund was not made"),
    ]
    found = [text for applies, text in faults if applies]
    if found:
        return Check("no_fault_of_ours", False, f"The shop is at fault: {'; '.join(found)}.", {"faults": found})
    return Check("no_fault_of_ours", True, "The charge is no open billing error.", {"about": about})


def _is_refund_owed(purchase: Purchase) -> bool:
    agreed = purchase.paid_minor or 0 if purchase.shop_refunded else purchase.approved_minor
    return not purchase.uncompared and agreed > purchase.returned_minor


def _no_refund(purchase: Purchase) -> Check:
    """Approved on record, marked refunded by the shop, or paid by the seller: a dispute comes on top of it."""
    known = [
        (purchase.approved_minor > 0, "a refund of the charge was approved"),
        (purchase.shop_refunded, "the shop marks the order refunded"),
        (purchase.seller_refunded, "the provider says that a refund was started from our side"),
    ]
    found = [text for applies, text in known if applies]
    facts = {"approved_minor": purchase.approved_minor, "currency": purchase.currency, "refunds": found}
    if found:
        return Check("no_refund", False, f"The money would leave twice: {'; '.join(found)}.", facts)
    return Check("no_refund", True, "No refund of the charge was approved or paid.", facts)


def _not_suspended(purchase: Purchase) -> Check:
    status = purchase.account_status
    facts = {"status": status}
    if status in {"suspended", "banned"}:
        return Check("not_suspended", False, f"The account is {status} already.", facts)
    return Check("not_suspended", True, f"The account is {status or 'in a state that the shop did not tell'}.", facts)


def _not_known(purchase: Purchase) -> Check:
    since = purchase.settled_since
    facts = {"settled": purchase.settled, "since": since.isoformat() if since else None}
    if is_known_customer(purchase):
        says = f"A known good customer: {purchase.settled} settled, undisputed purchases."
        return Check("not_a_known_customer", False, says, facts)
    return Check("not_a_known_customer", True, f"{purchase.settled} settled, undisputed purchases.", facts)


def is_known_customer(purchase: Purchase) -> bool:
    """Whether the buyer has settled, undisputed purchases enough, over a time long enough, to be spoken with first."""
    at = purchase.occurred_at
    since = purchase.settled_since
    long_enough = since is not None and at is not None and at - since >= KNOWN_FOR
    return purchase.settled >= KNOWN_PURCHASES and long_enough


def _recent(purchase: Purchase, dispute: Dispute | None, now: datetime) -> Check:
    standing = [one for one in purchase.disputes if one.standing]
    old = dispute is not None and now - dispute.opened_at > FORGIVEN_AFTER
    if old and len(standing) < 2:
        return Check("recent", False, "A single chargeback, more than a year old.")
    return Check("recent", True, "Recent, or not the only one.", {"standing": len(standing)})


_FOR_A_PERSON = {
    "not_as_described": "whether goods were as described is for a person to say",
    "authorisation": "how the payment was authorised is the provider's matter",
}


def _reason(dispute: Dispute | None) -> Check:
    """Disputes about something else than what the shop's records decide are for a person."""
    code = dispute.reason_code if dispute else ""
    about = family(code)
    facts = {"reason_code": code, "about": about}
    if about in _FOR_A_PERSON:
        return Check("reason", False, f"Reason {code}: {_FOR_A_PERSON[about]}.", facts)
    return Check("reason", True, f"Reason {code or 'not told'}: {about.replace('_', ' ')}.", facts)


def leading(purchase: Purchase) -> Dispute | None:
    """The dispute that decides what to do about a purchase."""
    return foremost(purchase.disputes)


def foremost(disputes: Iterable[Dispute]) -> Dispute | None:
    """The one of several that decides: one that stands before one that is over, then the newest."""
    return max(disputes, key=lambda one: (one.standing, one.confirmed, one.opened_at, one.id), default=None)


def judge_chargeback(matter: Matter, *, acted: bool) -> Verdict | None:
    """What policy 7 says of a purchase; `acted`: the account stands suspended or banned by our own command.

    None where no chargeback is on record; a mere sign of one is for a person. What ended well, or turns out to be the
    shop's own fault, proposes to undo what was done.
    """
    purchase = matter.purchase
    dispute = leading(purchase) if purchase else None
    if purchase is None or dispute is None:
        return None
    if dispute.state == "signal":
        return Verdict(
            "7", "manual", "A sign of a coming dispute is on record: answer the buyer before it becomes one."
        )
    return _standing(purchase, dispute, matter.now, acted) if dispute.standing else _over(dispute, acted)


def _standing(purchase: Purchase, dispute: Dispute, now: datetime, acted: bool) -> Verdict:
    failed = [check for check in checks(purchase, dispute, now) if not check.passed]
    gravest = min(failed, key=lambda check: (check.name != "no_fault_of_ours", check.name not in HARD), default=None)
    if acted and gravest is not None and gravest.name == "no_fault_of_ours":
        return Verdict(_clause_of(gravest, purchase), "reinstate", f"{gravest.says[:-1]}: reinstate the account.")
    if acted:
        return Verdict("7", "none", f"The chargeback is {dispute.state}; the account was acted on.")
    if gravest is not None:
        clause = _clause_of(gravest, purchase)
        return Verdict(clause, "manual", f"The chargeback is {dispute.state}; for a person: {gravest.says}")
    return Verdict("7", "suspend", f"The chargeback is {dispute.state}, and every check passes: suspend the account.")


def _over(dispute: Dispute, acted: bool) -> Verdict:
    if acted:
        return Verdict("7", "reinstate", f"The chargeback was {dispute.state}: reinstate the account.")
    return Verdict("7", "none", f"The chargeback was {dispute.state}; nothing is left to do.")


def _clause_of(failed: Check, purchase: Purchase) -> str:
    if failed.name == "no_fault_of_ours":
        owed = "6" if _is_refund_owed(purchase) else "7"
        return "3.duplicate_charge" if purchase.surplus else "3.undelivered" if purchase.undelivered else owed
    return "6" if failed.name == "no_refund" else "7"


def stale(dispute: Dispute, first_run_at: datetime | None) -> str | None:
    """Why a dispute may not act by itself whatever its checks say: first runs, imports and backfills, else None.

    `first_run_at` is when the first run finished; None: none has.
    """
    if dispute.origin == "import":
        return "it was imported"
    if first_run_at is None or dispute.recorded_at <= first_run_at:
        return "it was there before the first run finished"
    if dispute.origin == "provider" and dispute.recorded_at - dispute.opened_at > LATE_AFTER:
        return "the provider told of it late"
    return None
