"""Listens for presses of Telegram's buttons by long polling: no address of ours has to be reachable."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from reconciler.alerts.model import ACKNOWLEDGED, OPEN, RESOLVED
from reconciler.alerts.telegram.bot import Bot
from reconciler.alerts.telegram.buttons import Press, press
from reconciler.errors import Retryable
from reconciler.schema_alerts import alert_messages
from reconciler.settings import Settings, Telegram
from reconciler.store.alert_addresses import fates
from reconciler.store.alert_views import Note, by_token
from reconciler.store.alerts import acknowledge, new_token, refresh, snooze
from reconciler.store.engine import write
from reconciler.store.lease import held
from reconciler.words import say

POLL_S = 25
PAUSE_S = 10.0
CONFLICT = 409
log = structlog.get_logger()


def listen(settings: Settings, engine: sa.Engine, stop: threading.Event, now: Callable[[], datetime]) -> None:
    """Take presses until told to stop. One process does so at a time: Telegram gives each update to one listener."""
    telegram = settings.alerts.telegram
    if not telegram.token.get_secret_value() or not telegram.user_ids:
        return
    while not stop.is_set():
        try:
            with held(engine, "buttons"):
                _listen(settings, engine, stop, now)
        except (Retryable, sa.exc.SQLAlchemyError) as error:
            log.debug("buttons wait", reason=str(error).splitlines()[0])
        except Exception:  # a fault of ours: said in full, and tried again
            log.exception("buttons wait")
        stop.wait(PAUSE_S)


def _listen(settings: Settings, engine: sa.Engine, stop: threading.Event, now: Callable[[], datetime]) -> None:
    bot, offset = Bot(settings.alerts.telegram), 0
    while not stop.is_set():
        fields = {"offset": offset, "timeout": POLL_S, "allowed_updates": ["callback_query"]}
        began_s = time.monotonic()
        got = bot.call("getUpdates", fields, begin_by_s=began_s + POLL_S, end_by_s=began_s + POLL_S + 10)
        if not got.ok or not isinstance(got.result, list):
            advice = (
                "another program listens with this bot's token" if got.status == CONFLICT else "see `reconciler doctor`"
            )
            log.warning("Telegram's buttons are not heard", status=got.status, advice=advice)
            stop.wait(got.retry_after_s or PAUSE_S)
            continue
        if not got.result and time.monotonic() - began_s < 1:
            stop.wait(1)  # a server that does not wait as long as it is asked to
        for update in got.result:
            offset = max(offset, int(update["update_id"]) + 1)
            hear(bot, settings, engine, update, now())


def hear(bot: Bot, settings: Settings, engine: sa.Engine, update: Mapping[str, Any], now: datetime) -> None:
    """Act on one update; what only fails for a while is raised, to be fetched again.

    One that we fail at for another reason is said in full and left behind: it would stop every press after it.
    """
    try:
        pressed = press(update)
        if pressed is not None:
            answer(bot, settings, engine, pressed, now)
    except (Retryable, sa.exc.OperationalError):
        raise
    except Exception:
        log.exception("a press could not be acted on", update=update.get("update_id"))


def answer(bot: Bot, settings: Settings, engine: sa.Engine, pressed: Press, now: datetime) -> None:
    """Act on a press if it may, and tell whoever pressed what came of it."""
    with write(engine) as connection:
        said = say(settings.report.languages[0], f"pressed.{act(connection, settings.alerts.telegram, pressed, now)}")
    fields = {"callback_query_id": pressed.callback_id, "text": said}
    began_s = time.monotonic()
    try:
        bot.call("answerCallbackQuery", fields, begin_by_s=began_s + 5, end_by_s=began_s + 10)
    except Retryable as error:  # the message itself changes to its new state, through the outbox
        log.debug("a press was not answered", reason=str(error))


def act(connection: sa.Connection, telegram: Telegram, pressed: Press, now: datetime) -> str:
    """Acknowledge or snooze what the pressed message tells of; returns the name of what to say.

    Only users of the configuration, in the chat that the message went to, with a token that was not used before.
    """
    found = by_token(connection, pressed.token)
    if pressed.user_id not in telegram.user_ids or (found and not _is_its_chat(connection, found, pressed)):
        log.warning("a button was pressed by somebody who may not", user=pressed.user_id, chat=pressed.chat_id)
        return "refused"
    if found is None:
        return "used"
    values = {"token": new_token(), "message_id": found.message_id or pressed.message_id}
    connection.execute(sa.update(alert_messages).where(alert_messages.c.key == found.key).values(values))
    ids = [one.id for one in found.alerts if one.state == OPEN]
    actor = f"telegram:{pressed.user_id}"
    if pressed.pause is None:
        acknowledge(connection, ids, pressed.user_name, actor, now)
    else:
        snooze(connection, ids, now + pressed.pause, actor, now)
    refresh(connection, [one.id for one in found.alerts], now)
    if not ids:
        return _state(found)
    return "acknowledged" if pressed.pause is None else "snoozed"


def _is_its_chat(connection: sa.Connection, found: Note, pressed: Press) -> bool:
    there = fates(connection).get(found.address)
    moved = there.chat_id if there else None
    return pressed.chat_id in {found.address.partition(":")[2], moved}


def _state(found: Note) -> str:
    states = {one.state for one in found.alerts}
    if states == {RESOLVED}:
        return "resolved_before"
    return "acknowledged_before" if ACKNOWLEDGED in states else "nothing"
