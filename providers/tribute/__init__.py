"""Tribute as a provider: shop orders and physical orders that can be pulled, and a check of the way there."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from providers.base import MAX_SKEW_S, Check, Feed
from providers.tribute.client import Client
from providers.tribute.feeds import PHYSICAL, SALES, SWEEP, Feeds
from providers.tribute.records import PROVIDER
from reconciler.errors import ConfigError, NeedsOperator, Retryable
from reconciler.http import Http, Pace
from reconciler.model import Page
from reconciler.settings import TributeSettings

REFUND_HORIZON = timedelta(days=180)


class Tribute:
    """The provider Tribute (see `providers.base.Provider`).

    Purchases, donations and channel subscriptions arrive by webhook only (fact sheet A3): nothing here can pull them.
    """

    name = PROVIDER

    def __init__(self, client: Client, feeds: Feeds) -> None:
        """Built by `build`."""
        self._client = client
        self._feeds = feeds

    def feeds(self) -> tuple[Feed, ...]:
        """Sales first, then goods, then the slow re-reading of everything that can still be refunded."""
        return (
            Feed(SALES, self._feeds.sales, main=True),
            Feed(PHYSICAL, self._feeds.physical),
            Feed(SWEEP, self._feeds.sweep, reach=REFUND_HORIZON, every=timedelta(days=1)),
        )

    def read(self, refs: Iterable[str]) -> Iterator[Page]:
        """Look up charges by order uuid or `uuid:transactionId`; other refs cannot be pulled and yield nothing."""
        return self._feeds.read(refs)

    @property
    def ahead_s(self) -> float | None:
        """How many seconds this machine's clock is ahead of Tribute's, None before its first answer."""
        return self._client.ahead_s

    def check(self) -> Iterator[Check]:
        """Look at log-in, shops, goods and clock. Once one of them fails, the others would only repeat it."""
        try:
            yield self._check_shops()
            yield self._check_physical()
            yield self._check_clock()
        except NeedsOperator as error:
            yield Check("tribute", "failed", str(error), "see Settings, API Keys in Tribute's creator dashboard")
        except Retryable as error:
            yield Check("tribute", "failed", str(error), "try again; if it stays, check [providers.tribute] base_url")

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def _check_shops(self) -> Check:
        shops = self._feeds.shops()
        if not shops:
            advice = "without a shop there are no orders to pull; other sales arrive by webhook only"
            return Check("tribute shops", "warning", "this API key shows no active shop", advice)
        names = ", ".join("without id" if shop is None else str(shop) for shop in shops)
        return Check("tribute shops", "ok", f"reading shops: {names}")

    def _check_physical(self) -> Check:
        sold = self._client.physical_sold()
        return Check("tribute physical orders", "ok", "readable" if sold else "this account has none")

    def _check_clock(self) -> Check:
        if self.ahead_s is None:
            return Check("tribute clock", "warning", "Tribute's answers carry no date", "compare the clock by hand")
        skew_s = round(abs(self.ahead_s))
        if skew_s > MAX_SKEW_S:
            advice = "set this machine's clock by NTP: windows and due dates depend on it"
            return Check("tribute clock", "failed", f"this machine and Tribute differ by {skew_s} s", advice)
        return Check("tribute clock", "ok", f"differs by {skew_s} s")


def build(
    settings: TributeSettings, *, now: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep
) -> Tribute:
    """Tribute as the configuration describes it; raises ConfigError for a key that no header can carry."""
    key = settings.api_key.get_secret_value().strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError("[providers.tribute] api_key is empty or has characters that an API key cannot have")
    pace = Pace(calls=settings.requests_per_second, period_s=1.0)
    http = Http(settings.base_url, {"default": pace}, headers={"Api-Key": key}, sleep=sleep, now=now)
    client = Client(http)
    return Tribute(client, Feeds(client, settings.shop_ids, now))
