"""The chargeback ratio of a month (by count), against the limit at which a provider closes a shop."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NEAR = Decimal("0.75")
"""From this part of the limit on it is called near."""

# For comparison, as of November 2025. Visa (VAMP): fraud reports and disputes to settled charges, 2.2 % and more than
# 1,500 a month, 1.5 % from April 2026. Mastercard (ECM): chargebacks to last month's charges, 1.5 % and 100 a month.
# A small shop never meets their floors; its provider's own limit, about 1 %, is what closes it.


@dataclass(frozen=True, slots=True)
class Month:
    """Charges and confirmed chargebacks of one provider and currency in one month."""

    month: str
    provider: str
    currency: str
    charges: int
    chargebacks: int

    def shown(self, limit_percent: Decimal, minimum_charges: int) -> dict[str, Any]:
        """The ratio and its state: `ok`, `near`, `over`, or `too_few` charges to say anything."""
        percent = Decimal(100 * self.chargebacks) / self.charges if self.charges else None
        return {
            "month": self.month,
            "provider": self.provider,
            "currency": self.currency,
            "charges": self.charges,
            "chargebacks": self.chargebacks,
            "percent": None if percent is None else f"{percent:.2f}",
            "limit_percent": f"{limit_percent:.2f}",
            "state": _state(percent, self.charges, limit_percent, minimum_charges),
        }


def _state(percent: Decimal | None, charges: int, limit: Decimal, minimum: int) -> str:
    if percent is None or charges < minimum:
        return "too_few"
    return "over" if percent >= limit else "near" if percent >= limit * NEAR else "ok"


def months(
    charges: Mapping[tuple[str, str, str], int], chargebacks: Mapping[tuple[str, str, str], int]
) -> Iterable[Month]:
    """The months of both counts, by (month, provider, currency), oldest first."""
    for key in sorted({*charges, *chargebacks}):
        yield Month(*key, charges.get(key, 0), chargebacks.get(key, 0))
