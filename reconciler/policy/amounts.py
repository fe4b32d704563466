"""How much may be refunded (policy 1, 2 and 6), and the configured numbers in the units that judging uses."""

from typing import TYPE_CHECKING

from reconciler.matching.terms import MINUTE_US, Terms
from reconciler.policy.facts import Purchase

if TYPE_CHECKING:
    from reconciler.settings import Settings


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


def terms(settings: "Settings") -> Terms:
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


def of_purchase(purchase: Purchase) -> int | None:
    """The most that may be refunded of a purchase, less what was given back or agreed to before; None: unknown.

    A surplus charge brought nothing itself, whatever its purchase brought.
    """
    if purchase.paid_minor is None:
        return None
    most = refundable_minor(
        purchase.paid_minor,
        credits_micro=purchase.credits_micro,
        credits_used_micro=purchase.credits_used_micro,
        balance_micro=purchase.balance_micro,
        delivered=purchase.delivered and not purchase.surplus,
    )
    return None if most is None else max(0, min(most, purchase.paid_minor - purchase.given_back_minor))
