"""DigiSeller as a source of charges, refunds and signs of a dispute."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from providers.base import Check, Feed
from providers.digiseller import details, feeds, health, parse
from providers.digiseller.client import Client
from providers.digiseller.sales import ONLY_RETURNED, SalesFeed
from reconciler.model import Page
from reconciler.settings import DigiSellerSettings

__all__ = ["DigiSeller", "build"]

SWEEP_REACH = timedelta(days=180)
SWEEP_EVERY = timedelta(days=1)
COMPARE_ROUND = timedelta(days=7)


class DigiSeller:
    """The provider: its feeds, single look-ups and a check of log-in and rights."""

    name = parse.PROVIDER

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        """`now` dates what DigiSeller does not: looks at charges, and refunds known only from a flag."""
        self._client, self._now = client, now

    def feeds(self) -> tuple[Feed, ...]:
        """Sales first, so that refunds and signals find their charge.

        A refund flips an old sale's row without moving its date, so the sweep looks far back (fact sheet A0.4). What
        was dated back or edited late shows in no window of its own: all sales come by again, slowly, once a week.
        """
        sales = SalesFeed(self._client, self._now, parse.SALES)
        sweep = SalesFeed(self._client, self._now, f"{self.name}.sweep", ONLY_RETURNED)
        compare = SalesFeed(self._client, self._now, f"{self.name}.compare")
        return (
            Feed(sales.name, sales.fetch, main=True),
            Feed(parse.RECEIPTS, lambda window: feeds.receipts(self._client, window)),
            Feed(sweep.name, sweep.fetch, reach=SWEEP_REACH, every=SWEEP_EVERY),
            Feed(parse.CHATS, lambda window: feeds.chats(self._client, window)),
            Feed(compare.name, compare.fetch, reach=SWEEP_REACH, round=COMPARE_ROUND),
        )

    def read(self, refs: Iterable[str]) -> Iterator[Page]:
        """Look up invoices one by one by `purchase/info`; raises Retryable or NeedsOperator.

        Never asks by unique code: that would count as the code's check (fact sheet A5).
        """
        return details.read(self._client, refs, self._now)

    @property
    def ahead_s(self) -> float | None:
        """How many seconds this machine's clock is ahead of DigiSeller's, None before its first answer."""
        return self._client.ahead_s

    def check(self) -> Iterator[Check]:
        """Look at log-in, clock and rights without changing anything."""
        return health.check(self._client, self._now)

    def close(self) -> None:
        """Give connections back."""
        self._client.close()


def build(
    settings: DigiSellerSettings,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> DigiSeller:
    """The provider from its section of the configuration; nothing is asked before the first call."""
    return DigiSeller(Client(settings, now=now, sleep=sleep, clock=clock), now)
