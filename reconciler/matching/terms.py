"""The numbers that matching and judging go by: the policy's, and how far each feed has been read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class Terms:
    """The configured numbers of the policy. Times in microseconds, money in minor units."""

    grace_us: int = 30 * MINUTE_US
    duplicate_window_us: int = 15 * MINUTE_US
    fallback_window_us: int = 60 * MINUTE_US
    unclaimed_us: int = 24 * HOUR_US
    tolerance_minor: int = 0
    execution_us: int = 7 * DAY_US
    equivalents: Mapping[str, str] = field(
        default_factory=lambda: {"WMR": "RUB", "WMZ": "USD", "WME": "EUR", "WMT": "USD"}
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """The span of a feed that has been read completely; `None` at either end: not known, so nothing is concluded."""

    since_us: int | None = None
    until_us: int | None = None

    def holds(self, since_us: int, until_us: int) -> bool:
        """Whether the whole span was read."""
        if self.since_us is None or self.until_us is None:
            return False
        return self.since_us <= since_us and until_us <= self.until_us


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is known at the moment of judging: `now_us`, the providers' coverage, and up to when the shop was read.

    `reversals_until_us` is, by provider, the time up to which every reversal would have shown.
    """

    now_us: int
    shop_until_us: int | None
    providers: Mapping[str, Coverage]
    reversals_until_us: Mapping[str, int] = field(default_factory=dict)

    @property
    def settled_us(self) -> int:
        """Only what happened before this time, less the grace period, can be called undelivered."""
        return min(self.now_us, self.shop_until_us) if self.shop_until_us is not None else 0
