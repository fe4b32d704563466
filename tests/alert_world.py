"""Findings to raise alerts about, a configuration that tells a simulated Telegram, and passes of delivery."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from jobs.alert_senders import _bucket
from jobs.alerts import note, tick
from jobs.dispatch import Delivered, dispatch
from providers.simulators.telegram import TOKEN, TelegramSimulator
from reconciler.model import Finding
from reconciler.settings import Alerts, Settings, Telegram
from reconciler.store.engine import write
from reconciler.store.findings import Changes, save_findings
from reconciler.store.runs import begin_run

CHAT = 77
ANN = 4242
NOON = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
"""Noon in Moscow: far from any quiet hours."""


def finding(number: int = 1, kind: str = "suspected_chargeback", **changes: Any) -> Finding:
    """A critical finding about one charge; only what matters is named."""
    values: dict[str, Any] = {
        "kind": kind,
        "subject": f"digiseller/{number}",
        "severity": "critical",
        "provider": "digiseller",
        "transaction_ids": (str(number),),
        "explanation": f"charge {number} went back and nothing explains it",
        "account_id": f"acc-{number}",
        "order_id": f"ord-{number}",
        "amount_minor": 540,
        "currency": "USD",
        "policy_clause": "7",
        "recommendation": "manual",
    }
    return Finding(**(values | changes))


def warning(number: int = 1, **changes: Any) -> Finding:
    """A finding that can wait for a digest."""
    return finding(number, **({"kind": "duplicate_charge", "severity": "warning"} | changes))


KILLED_CHATS = (501, 502, 503, 504)
"""The chats that processes write to which are killed again and again."""


def telling_at(address: str, *chats: int) -> Settings:
    """A configuration whose alerts go to these chats at an address."""
    telegram = Telegram(token=SecretStr(TOKEN), chat_ids=chats, user_ids=(ANN,), api_base=address)
    return Settings(alerts=Alerts(telegram=telegram, max_per_hour=1000))


def telling(telegram: TelegramSimulator | None = None, *chats: int, public_url: str = "", **alerts: Any) -> Settings:
    """A configuration whose alerts go to the simulated Telegram, if there is one."""
    if telegram is not None:
        alerts["telegram"] = Telegram(
            token=SecretStr(TOKEN), chat_ids=chats or (CHAT,), user_ids=(ANN,), api_base=telegram.url
        )
    for name in ("urls", "escalate_urls"):
        alerts[name] = tuple(SecretStr(url) for url in alerts.get(name, ()))
    return Settings.model_validate({"alerts": Alerts(**alerts), "web": {"public_url": public_url}})


def run(engine: sa.Engine, settings: Settings, found: Iterable[Finding], now: datetime = NOON) -> Changes:
    """What a run does: these findings stand now, and no others; alerts are raised in the same transaction."""
    with write(engine) as connection:
        changes = save_findings(connection, list(found), begin_run(connection, now), now)
        note(connection, settings, changes, now)
    return changes


def deliver(engine: sa.Engine, settings: Settings, now: datetime = NOON) -> Delivered:
    """One pass of delivery at a time; the simulated chat has no patience to try."""
    _bucket.cache_clear()
    return dispatch(settings, engine, now=lambda: now)


def later(engine: sa.Engine, settings: Settings, now: datetime) -> Delivered:
    """What the daemon does as time goes by: look at what time asks for, then deliver."""
    tick(settings, engine, now)
    return deliver(engine, settings, now)


def provider_enabled(settings: Settings) -> Settings:
    """The same configuration with DigiSeller enabled; nobody answers there."""
    from reconciler.settings import DigiSellerSettings, Providers

    digiseller = DigiSellerSettings(seller_id=1, api_key=SecretStr("k"), base_url="http://127.0.0.1:9/")
    return settings.model_copy(update={"providers": Providers(digiseller=digiseller)})
