"""The shop's refund policy as rules: a clause per function, and what each clause says."""

from reconciler.matching.terms import MINUTE_US, Terms
from reconciler.settings import Settings

CLAUSES = {
    "1": "Digital goods are not refundable once they were delivered or their use began.",
    "2": "Credits that were used are never refundable.",
    "3.outage": "A refund of the unused part may follow a provable, long outage that the shop is answerable for.",
    "3.duplicate_charge": "A charge made twice for one purchase is a billing error: the surplus may be refunded.",
    "3.undelivered": "A charge for an order that was never delivered is a billing error: deliver, or refund it.",
    "3.fraud": "A payment made by somebody else, proven by evidence, may be refunded after a person's decision.",
    "5": "A review request needs the order's number, the e-mail of the purchase and a description.",
    "6": "Refunds go back through the provider and the method that the money came by, up to the charge.",
    "7": "A chargeback filed instead of asking first may cost the account: suspension, forfeiture, ban.",
}
"""The clauses that findings rest on, in our own words; the published text is `[policy] document`."""


def refundable_minor(
    charge_minor: int,
    *,
    credits_micro: int | None,
    credits_used_micro: int | None,
    balance_micro: int | None,
    delivered: bool,
) -> int | None:
    """The most that may be refunded of a charge, in its minor units; None when the shop cannot tell what was used.

    Policy 1 and 2: the charge less its used part, that part rounded up, never above what the account's unused
    balance is worth at this order's price, never below zero. Nothing delivered: the whole charge.
    """
    if not delivered:
        return charge_minor
    if not credits_micro or credits_used_micro is None:
        return None
    used = -(-charge_minor * credits_used_micro // credits_micro)
    unused = charge_minor - used
    if balance_micro is not None:
        unused = min(unused, charge_minor * balance_micro // credits_micro)
    return max(0, unused)


def terms(settings: Settings) -> Terms:
    """The configured numbers in the units that matching and judging use."""
    policy = settings.policy
    return Terms(
        grace_us=policy.grace_minutes * MINUTE_US,
        duplicate_window_us=policy.duplicate_window_minutes * MINUTE_US,
        fallback_window_us=policy.fallback_window_minutes * MINUTE_US,
        unclaimed_us=policy.unclaimed_after_hours * 60 * MINUTE_US,
        tolerance_minor=policy.amount_tolerance_minor,
        execution_us=policy.refund_execution_days * 24 * 60 * MINUTE_US,
        equivalents={code.upper(): iso.upper() for code, iso in settings.currency.equivalents.items()},
    )
