"""Checks and tries the ways to reach people: the bot's token and chats, and what apprise thinks of an address."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from providers.base import Check
from reconciler.alerts import elsewhere
from reconciler.alerts.addresses import Address, every, everyday
from reconciler.alerts.telegram.answers import Reply, outcome
from reconciler.alerts.telegram.bot import Bot
from reconciler.errors import Retryable
from reconciler.outbox import Failed, Outcome, Sent
from reconciler.settings import Settings

PATIENCE_S = 15.0
TITLE = "Test of the reconciler's alerts"
TEXT = "Somebody ran `reconciler alerts test`. Alerts arrive here."


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test message."""

    address: str
    ok: bool
    note: str


def alert_checks(settings: Settings) -> Iterator[Check]:
    """A line for each address, without writing to any of them."""
    addresses = every(settings)
    if not everyday(settings):
        advice = "see [alerts]; until then read the daily report"
        yield Check("alerts", "warning", "nobody is alerted: no channel is configured", advice)
    if any(one.is_telegram for one in addresses):
        yield from _telegram(settings, [one for one in addresses if one.is_telegram])
    for one in addresses:
        if not one.is_telegram:
            yield _apprise(one)
    if not settings.alerts.heartbeat_url.get_secret_value():
        advice = "set [alerts] heartbeat_url: nobody can be told by a program that does not run"
        yield Check("heartbeat", "warning", "nobody notices when the reconciler stops", advice)


def try_all(settings: Settings) -> Iterator[Tried]:
    """Send a test message to every address."""
    for one in every(settings):
        got = _try(settings, one)
        yield Tried(one.key, isinstance(got, Sent), got.note)


def _try(settings: Settings, address: Address) -> Outcome:
    target, until_s = address.target.get_secret_value(), time.monotonic() + PATIENCE_S
    if not address.is_telegram:
        return elsewhere.send(target, TITLE, TEXT, begin_by_s=until_s)
    got = _call(Bot(settings.alerts.telegram), "sendMessage", chat_id=target, text=f"{TITLE}\n{TEXT}")
    return Failed(got) if isinstance(got, str) else outcome(got)


def _telegram(settings: Settings, chats: list[Address]) -> Iterator[Check]:
    bot = Bot(settings.alerts.telegram)
    if not settings.alerts.telegram.user_ids:
        advice = "list who may press the buttons in [alerts.telegram] user_ids"
        yield Check("telegram buttons", "warning", "nobody may acknowledge: user_ids is empty", advice)
    for method, fields, name in [
        ("getMe", {}, "telegram bot"),
        *(("getChat", {"chat_id": one.target.get_secret_value()}, one.key) for one in chats),
    ]:
        got = _call(bot, method, **fields)
        if isinstance(got, str):
            yield Check(name, "failed", got, "check the network and [alerts.telegram] api_base")
        elif got.ok:
            yield Check(name, "ok", "the bot is known" if method == "getMe" else "the bot may see the chat")
        else:
            yield Check(name, "failed", outcome(got).note, "correct [alerts.telegram]")


def _apprise(address: Address) -> Check:
    if elsewhere.known(address.target.get_secret_value()):
        return Check(address.key, "ok", "apprise knows this kind of address; `reconciler alerts test` tries it")
    advice = "correct the address in the configuration: apprise cannot read it"
    return Check(address.key, "failed", "this is no address that apprise knows", advice)


def _call(bot: Bot, method: str, **fields: str) -> Reply | str:
    until_s = time.monotonic() + PATIENCE_S
    try:
        return bot.call(method, fields, begin_by_s=until_s, end_by_s=until_s)
    except Retryable as error:
        return str(error)
