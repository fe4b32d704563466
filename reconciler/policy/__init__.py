"""The shop's refund policy as rules: a clause per function, and what each clause says."""

from collections.abc import Mapping

from reconciler.policy import review
from reconciler.policy.amounts import of_purchase, refundable_minor, terms
from reconciler.policy.chargeback import judge_chargeback
from reconciler.policy.clauses import CLAUSES, STATED, stated_reason
from reconciler.policy.facts import Check, Dispute, Matter, Purchase, Request, Verdict
from reconciler.policy.review import Clause, judge_request, refund_blocked

RULES: Mapping[str, Clause] = {
    "1": review.delivered,
    "2": review.used,
    "3.outage": review.outage,
    "3.duplicate_charge": review.duplicate,
    "3.undelivered": review.undelivered,
    "3.fraud": review.fraud,
    **{clause: review.stated(clause) for clause in review.STATED_CLAUSES},
    "4.account_suspended": review.account_suspended,
    "4.other_account": review.other_account,
    "5": review.incomplete,
    "6": review.settled_otherwise,
    "7": lambda matter: judge_chargeback(matter, acted=False),
}
"""The function of every clause."""

__all__ = [
    "CLAUSES",
    "RULES",
    "STATED",
    "Check",
    "Clause",
    "Dispute",
    "Matter",
    "Purchase",
    "Request",
    "Verdict",
    "judge_chargeback",
    "judge_request",
    "of_purchase",
    "refund_blocked",
    "refundable_minor",
    "stated_reason",
    "terms",
]
