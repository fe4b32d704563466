"""Looks at DigiSeller without changing anything: log-in, clock, and each right that the feeds need."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from providers.base import MAX_SKEW_S, Check
from providers.digiseller.client import Client
from providers.digiseller.feeds import receipts_request
from providers.digiseller.sales import ALL, request
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Window

_LATER = "look whether DigiSeller is under maintenance, and try again"


def check(client: Client, now: Callable[[], datetime]) -> Iterator[Check]:
    """The lines of `doctor` about DigiSeller; the rights are looked at only after a log-in that worked."""
    login = _tried("DigiSeller log-in", client.log_in, "check [providers.digiseller] seller_id, api_key and base_url")
    yield login
    if login.state != "ok":
        return
    yield from _clock(client.ahead_s)
    window = Window(now() - timedelta(hours=1), now())
    yield _tried(
        "DigiSeller sales (right 'Statistics')",
        lambda: client.call("POST", "seller-sells/v2", pace="sells", body=request(window, 1, ALL, rows=1)),
        "give the API key the right 'Statistics' in the seller's cabinet",
    )
    yield _tried(
        "DigiSeller operations (right 'Operations')",
        lambda: client.call("GET", "sellers/account/receipts", params=receipts_request(window, 1, count=1)),
        "give the API key the right 'Operations: view all operations, invoice details' in the seller's cabinet",
    )
    yield _tried(
        "DigiSeller chats (right 'Correspondence with buyers')",
        lambda: client.call("GET", "debates/v2/chats", params={"filter_new": 0, "pagesize": 1, "page": 1}),
        "give the API key the right 'Correspondence with buyers' in the seller's cabinet",
    )


def _tried(name: str, ask: Callable[[], object], advice: str) -> Check:
    try:
        ask()
    except NeedsOperator as error:
        return Check(name, "failed", str(error), advice)
    except Retryable as error:
        return Check(name, "failed", str(error), _LATER)
    return Check(name, "ok", "works")


def _clock(ahead_s: float | None) -> Iterator[Check]:
    if ahead_s is None:
        return
    name, off = "DigiSeller clock", f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} DigiSeller's"
    if abs(ahead_s) > MAX_SKEW_S:
        yield Check(name, "warning", f"this machine's clock is {off}", "synchronise the clock (NTP)")
    else:
        yield Check(name, "ok", "this machine's clock agrees with DigiSeller's")
