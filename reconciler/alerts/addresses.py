"""Who is told: one address for each chat and each apprise URL, named by a key that gives no secret away."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import SecretStr

from reconciler.settings import Settings

TELEGRAM = "telegram"


@dataclass(frozen=True, slots=True)
class Address:
    """One receiver. `key` stands for it in tables and logs; `target` is the chat's id or the secret URL."""

    key: str
    target: SecretStr

    @property
    def is_telegram(self) -> bool:
        """Whether it is a chat of our own bot, where messages have buttons and can be changed."""
        return self.key.startswith(f"{TELEGRAM}:")


def chat(chat_id: int) -> Address:
    """A Telegram chat."""
    return Address(f"{TELEGRAM}:{chat_id}", SecretStr(str(chat_id)))


def elsewhere(url: SecretStr) -> Address:
    """An apprise URL: its scheme, and a hash in place of the rest."""
    text = url.get_secret_value()
    return Address(f"{text.partition('://')[0]}:{hashlib.sha256(text.encode()).hexdigest()[:10]}", url)


def everyday(settings: Settings) -> tuple[Address, ...]:
    """Who is told of every alert: the chats, then `[alerts] urls`."""
    telegram = settings.alerts.telegram
    chats = [chat(id_) for id_ in telegram.chat_ids] if telegram.token.get_secret_value() else []
    return _distinct([*chats, *map(elsewhere, settings.alerts.urls)])


def escalation(settings: Settings) -> tuple[Address, ...]:
    """Who is told when nobody acknowledges, or when the everyday way fails."""
    return _distinct(map(elsewhere, settings.alerts.escalate_urls))


def reports(settings: Settings) -> tuple[Address, ...]:
    """Who gets reports (`[report] send`); the word `telegram` stands for all chats."""
    named = [target for target in settings.report.send if target.get_secret_value() != TELEGRAM]
    chats = [one for one in everyday(settings) if one.is_telegram] if len(named) < len(settings.report.send) else []
    return _distinct([*chats, *map(elsewhere, named)])


def every(settings: Settings) -> tuple[Address, ...]:
    """All addresses of the configuration."""
    return _distinct([*everyday(settings), *escalation(settings), *reports(settings)])


def _distinct(found: Iterable[Address]) -> tuple[Address, ...]:
    return tuple({one.key: one for one in found}.values())
