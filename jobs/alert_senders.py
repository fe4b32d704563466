"""One attempt to write to a Telegram chat or to an apprise address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from pyrate_limiter import Limiter, Rate

from reconciler.alerts import elsewhere
from reconciler.alerts.addresses import Address
from reconciler.alerts.notes import Task
from reconciler.alerts.telegram.answers import Reply, outcome, wants_plain
from reconciler.alerts.telegram.bot import Bot
from reconciler.alerts.telegram.buttons import keyboard
from reconciler.alerts.telegram.html import html, plain
from reconciler.alerts.texts import Message
from reconciler.errors import Retryable
from reconciler.outbox import Outcome, Refused, Sent
from reconciler.settings import Telegram
from reconciler.store import alert_addresses
from reconciler.store.alert_views import Note
from reconciler.store.engine import read, write

CAPTION = 1024
"""Characters below a file in Telegram."""
TEXT = 4000
PACED_S = 5.0
ALLOWED = (Rate(1, 1000), Rate(20, 60_000))
"""What Telegram allows a chat: one message a second, twenty a minute (reliability F37)."""
FILE_GONE = Refused("a file is gone: make the report again, then `reconciler alerts retry`")


class Sender(Protocol):
    """What an attempt can do; raises Retryable when no answer came."""

    def message(self, shown: Message, found: Note, wanted: Task) -> tuple[Outcome, str | None]:
        """Send a message, or change it; with the id that it has where it went."""

    def document(self, wanted: Task) -> Outcome:
        """Send a text with files."""


@dataclass(frozen=True, slots=True)
class ToTelegram:
    """One attempt at a chat."""

    address: Address
    settings: Telegram
    engine: sa.Engine
    begin_by_s: float
    end_by_s: float
    language: str = "en"

    def message(self, shown: Message, found: Note, wanted: Task) -> tuple[Outcome, str | None]:
        """Send or change a message; one whose markup is not taken goes as plain text, without the link."""
        settled = all(one.state != "open" for one in found.alerts)
        token = None if settled else found.token
        fields: dict[str, Any] = {
            "chat_id": self._chat(),
            "message_id": found.message_id if wanted.act == "edit" else None,
            "text": html(shown),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
            "reply_markup": keyboard(token, shown.open_link, self.language),
        }
        method = "editMessageText" if wanted.act == "edit" else "sendMessage"
        got = self._call(method, fields)
        if wants_plain(got):
            markup = {"parse_mode": None, "text": plain(shown), "reply_markup": keyboard(token, None, self.language)}
            got = self._call(method, {**fields, **markup})
        result = got.result if isinstance(got.result, dict) else {}
        id_ = result.get("message_id")
        if got.ok and wanted.act != "edit" and id_ is None:
            return Sent("sent, and its id is not known"), None
        return outcome(got), str(id_) if got.ok and id_ is not None else None

    def document(self, wanted: Task) -> Outcome:
        """Send files with a caption, or the text alone."""
        files = _contents(wanted.files)
        if files is None:
            return FILE_GONE
        text, until = f"{wanted.subject}\n{wanted.text}", {"begin_by_s": self.begin_by_s, "end_by_s": self.end_by_s}
        if not files:
            return outcome(self._call("sendMessage", {"chat_id": self._chat(), "text": text[:TEXT]}))
        return outcome(
            self._moving(self._chat(), lambda bot, chat: bot.documents(chat, text[:CAPTION], files, **until))
        )

    def _chat(self) -> str:
        with read(self.engine) as connection:
            moved = alert_addresses.fate(connection, self.address.key).chat_id
        return moved or self.address.target.get_secret_value()

    def _call(self, method: str, fields: Mapping[str, Any]) -> Reply:
        until = {"begin_by_s": self.begin_by_s, "end_by_s": self.end_by_s}
        chat_id = str(fields["chat_id"])
        return self._moving(chat_id, lambda bot, chat: bot.call(method, {**fields, "chat_id": chat}, **until))

    def _moving(self, chat_id: str, call: Callable[[Bot, str], Reply]) -> Reply:
        """Call once, and once more where the group has become another chat: the first call did nothing then."""
        bot = Bot(self.settings)
        _pace(chat_id)
        got = call(bot, chat_id)
        if got.moved_to is None:
            return got
        with write(self.engine, alone=False) as connection:
            alert_addresses.moved(connection, self.address.key, got.moved_to)
        return call(bot, got.moved_to)


@dataclass(frozen=True, slots=True)
class ToApprise:
    """One attempt at an apprise address."""

    address: Address
    begin_by_s: float

    def message(self, shown: Message, _found: Note, wanted: Task) -> tuple[Outcome, str | None]:
        """Send a message; what was sent cannot be changed."""
        text = f"{shown.plain}\n{shown.open_link or ''}".strip()
        return self._send(shown.title, text, (), wanted.severity), None

    def document(self, wanted: Task) -> Outcome:
        """Send the files as attachments."""
        if _contents(wanted.files) is None:
            return FILE_GONE
        return self._send(wanted.subject, wanted.text, wanted.files, "info")

    def _send(self, title: str, text: str, files: tuple[str, ...], severity: str) -> Outcome:
        url = self.address.target.get_secret_value()
        return elsewhere.send(url, title, text, files, severity=severity, begin_by_s=self.begin_by_s)


def _contents(paths: tuple[str, ...]) -> list[tuple[str, bytes]] | None:
    try:
        return [(Path(path).name, Path(path).read_bytes()) for path in paths]
    except OSError:
        return None


@cache
def _bucket(chat_id: str) -> Limiter:
    """The chat's own bucket in this process, for as long as it lives."""
    return Limiter(list(ALLOWED))


def _pace(chat_id: str) -> None:
    """Wait for the chat's turn; raises Retryable when that would take too long for this attempt."""
    if not _bucket(chat_id).try_acquire(chat_id, timeout=PACED_S):
        raise Retryable("not sent: the chat had its twenty messages of this minute")
