"""Delivers alerts: spreads them over the addresses, and writes to one chat or one apprise address at a time."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.alert_senders import Sender, ToApprise, ToTelegram
from reconciler.alerts.addresses import Address, everyday
from reconciler.alerts.model import RESOLVED, New
from reconciler.alerts.notes import Task, task
from reconciler.alerts.telegram.answers import LONGEST_WAIT
from reconciler.alerts.telegram.html import html
from reconciler.alerts.texts import Message, message
from reconciler.errors import Retryable
from reconciler.outbox import Failed, Outcome, Refused, Sent
from reconciler.schema_alerts import alert_messages, alerts
from reconciler.settings import Settings
from reconciler.store import alert_addresses
from reconciler.store.alert_views import Note, note
from reconciler.store.alerts import ALERT, open_alert
from reconciler.store.engine import read, write

MESSAGE_S = 15.0
"""How long a message may take, its turn in the chat included: commands to the shop wait beside it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Turns an alert from anywhere in the program into messages for all everyday addresses."""

    settings: Settings
    engine: sa.Engine
    now: Callable[[], datetime]
    name: str = ALERT
    kind: str = "notice"

    def deliver(self, key: str, body: str, *, begin_by_s: float, end_by_s: float) -> Outcome:
        """Open the alert once, however often it is delivered."""
        said, now = json.loads(body), self.now()
        addresses = [one.key for one in everyday(self.settings)]
        repeat_at = now + timedelta(hours=self.settings.alerts.repeat_hours)
        told = {"title": said["title"], "text": said["text"]}
        with write(self.engine) as connection:
            if not _is_open(connection, key):
                open_alert(connection, New("notice", key, said["severity"], now, repeat_at, said=told), addresses, now)
        return Sent(f"told to {len(addresses)} addresses")


@dataclass(frozen=True, slots=True)
class Written:
    """Writes to one address, and keeps book of what arrived where. What goes wrong is the outcome."""

    address: Address
    settings: Settings
    engine: sa.Engine
    now: Callable[[], datetime]
    kind: str = "alert"

    @property
    def name(self) -> str:
        """The address's key is the channel of its entries."""
        return self.address.key

    def deliver(self, key: str, body: str, *, begin_by_s: float, end_by_s: float) -> Outcome:
        """Send the message, change it, or send the document. What was sent before is not sent again."""
        wanted = task(body)
        try:
            return self._deliver(key, wanted, begin_by_s, end_by_s)
        except Retryable as error:
            return self._failed(Failed(str(error), None, LONGEST_WAIT))

    def _deliver(self, key: str, wanted: Task, begin_by_s: float, end_by_s: float) -> Outcome:
        if wanted.act == "document":
            return self._noted(_sender(self, begin_by_s, end_by_s).document(wanted), key, None)
        sender = _sender(self, begin_by_s, min(end_by_s, time.monotonic() + MESSAGE_S))
        with read(self.engine) as connection:
            found = note(connection, wanted.message or key)
        reason = _needless(found, wanted)
        if found is None or reason:
            return Sent(reason)
        shown = message(
            found.alerts,
            zone=ZoneInfo(self.settings.timezone),
            language=self.settings.report.languages[0],
            public_url=self.settings.web.public_url,
            held_back=wanted.held_back,
            repeated=wanted.repeated,
        )
        state = _hash(shown, found)
        if wanted.act == "edit" and found.shown == state:
            return Sent("nothing has changed in it")
        got, message_id = sender.message(shown, found, wanted)
        return self._noted(got, found.key, state, message_id)

    def _noted(self, got: Outcome, key: str, state: str | None, message_id: str | None = None) -> Outcome:
        """Write down what arrived, before the entry is marked: a death in between costs no second message."""
        if not isinstance(got, Sent):
            return self._failed(got)
        now = self.now()
        with write(self.engine, alone=False) as connection:
            alert_addresses.went_well(connection, self.address.key, now)
            if state is not None:
                mine = alert_messages.c.key == key
                first = sa.func.coalesce(alert_messages.c.sent_at, sa.literal(now, alert_messages.c.sent_at.type))
                changes: dict[str, Any] = {"shown": state, "sent_at": first}
                if message_id is not None:
                    changes["message_id"] = message_id
                connection.execute(sa.update(alert_messages).where(mine).values(changes))
        return got

    def _failed(self, got: Failed | Refused) -> Outcome:
        now = self.now()
        asked = got.asked if isinstance(got, Failed) else None
        with write(self.engine, alone=False) as connection:
            until = None if asked is None else now + asked
            alert_addresses.went_wrong(connection, self.address.key, got.note, until, now)
        return got


def _sender(channel: Written, begin_by_s: float, end_by_s: float) -> Sender:
    if channel.address.is_telegram:
        telegram, language = channel.settings.alerts.telegram, channel.settings.report.languages[0]
        return ToTelegram(channel.address, telegram, channel.engine, begin_by_s, end_by_s, language)
    return ToApprise(channel.address, begin_by_s)


def _needless(found: Note | None, wanted: Task) -> str:
    """Why nothing has to be sent; empty when something has."""
    if found is None or not found.alerts:
        return "it is told together with others"
    if wanted.act == "edit":
        return "" if found.message_id is not None else "there is nothing to change yet"
    if found.is_sent:
        return "it was sent before"
    if not wanted.resolved and all(one.state == RESOLVED for one in found.alerts):
        return "it was over before it was told"
    return ""


def _hash(shown: Message, found: Note) -> str:
    return hashlib.sha256(f"{html(shown)}\n{found.token}".encode()).hexdigest()[:16]


def _is_open(connection: sa.Connection, key: str) -> bool:
    query = sa.select(alerts.c.id).where(alerts.c.kind == "notice", alerts.c.subject == key)
    return connection.execute(query.limit(1)).first() is not None
