"""How the refundable amount of a case was found, step by step: the numbers that the policy goes by."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from reconciler.cases.model import Facts
from reconciler.money import format_minor
from reconciler.policy import Purchase, of_purchase, refund_blocked

Money = tuple[str | None, str | None]
Step = tuple[str, dict[str, Any]]
_MICRO = Decimal(1_000_000)


def how_found(facts: Facts) -> list[list[Step]]:
    """For each charge of a case the steps, each a text's key with its values; `amount` is a decimal and a currency."""
    return [list(_steps(purchase)) for purchase in facts.purchases if purchase.paid_minor is not None]


def _steps(purchase: Purchase) -> Iterator[Step]:
    yield "sum.paid", {"ref": purchase.ref, "amount": _money(purchase.paid_minor, purchase)}
    if purchase.surplus:
        yield "sum.surplus", {}
    elif not purchase.delivered:
        yield "sum.undelivered", {}
    elif not purchase.credits_micro or purchase.credits_used_micro is None:
        yield "sum.unknown", {}
    else:
        yield "sum.used", {"used": _credits(purchase.credits_used_micro), "all": _credits(purchase.credits_micro)}
        if purchase.balance_micro is not None:
            yield "sum.balance", {"balance": _credits(purchase.balance_micro)}
    if purchase.approved_minor:
        yield "sum.approved", {"amount": _money(purchase.approved_minor, purchase)}
    most = of_purchase(purchase)
    if refund_blocked(purchase):
        yield "sum.blocked", {}
    elif most is not None:
        yield "sum.most", {"amount": _money(most, purchase)}


def _money(minor: int | None, purchase: Purchase) -> Money:
    return format_minor(minor, purchase.currency), purchase.currency


def _credits(micro: int) -> str:
    return f"{(Decimal(micro) / _MICRO).normalize():,f}"
