"""Alerts arrive whatever Telegram does: faults, limits, chats that moved, and a token that is wrong."""

from typing import Any

import pytest
import sqlalchemy as sa

from jobs.alerts import tick
from jobs.dispatch import Delivered
from providers.simulators.telegram import TelegramSimulator
from reconciler.store.alert_views import list_alerts
from reconciler.store.engine import read
from tests.alert_stage import HOUR, MINUTE, telegram
from tests.alert_world import CHAT, NOON, deliver, finding, later, run, telling
from tests.stores import engine, url

__all__ = ["engine", "telegram", "url"]


def states(engine: sa.Engine) -> list[str]:
    """The states of all alerts, in the order of their opening."""
    with read(engine) as connection:
        return [one["state"] for one in list_alerts(connection)]


@pytest.mark.parametrize("kind", ["status", "retry_after", "html", "reset", "cut", "not_json", "lost"])
def test_whatever_telegram_does_the_alert_arrives_and_one_attempt_sends_once(
    engine: sa.Engine, telegram: TelegramSimulator, kind: Any
) -> None:
    settings = telling(telegram)
    telegram.fault(telegram.method("sendMessage"), kind, seconds=3)
    run(engine, settings, [finding()])
    assert deliver(engine, settings) == Delivered(failed=1)
    assert len(telegram.called(telegram.method("sendMessage"))) == 1
    assert deliver(engine, settings, NOON + MINUTE).sent == 1
    acted = 2 if kind in {"lost", "cut"} else 1
    assert len(telegram.posted) == acted, "only an answer that was lost on its way can cost a second message"
    assert deliver(engine, settings, NOON + 2 * MINUTE) == Delivered()


def test_a_hanging_server_is_cut_off_and_tried_again(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    telegram.fault(telegram.method("sendMessage"), "hang", seconds=1)
    run(engine, settings, [finding()])
    assert deliver(engine, settings) == Delivered(failed=1)
    assert deliver(engine, settings, NOON + MINUTE).sent == 1


def test_retry_after_is_obeyed_by_all_messages_of_the_chat_and_by_no_other_chat(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram, CHAT, -100)
    telegram.fault(telegram.method("sendMessage"), "retry_after", seconds=600)
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    assert len(telegram.posted) == 1
    refused = {str(CHAT), "-100"} - {telegram.posted[0].chat_id}
    run(engine, settings, [finding(1), finding(2, kind="missing_charge")], NOON + MINUTE)
    deliver(engine, settings, NOON + MINUTE)
    assert {one.chat_id for one in telegram.posted}.isdisjoint(refused)
    deliver(engine, settings, NOON + 11 * MINUTE)
    assert sorted(one.chat_id for one in telegram.posted) == ["-100", "-100", "77", "77"]


def test_half_of_all_calls_fail_and_nothing_is_lost(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    kinds = ["suspected_chargeback", "undelivered_order", "missing_charge", "credits_not_revoked"]
    for skip, kind in enumerate(("retry_after", "status", "reset", "html")):
        telegram.fault(telegram.method("sendMessage"), kind, 2, skip=skip, seconds=1)  # type: ignore[arg-type]
    for hour in range(3):
        at = NOON + hour * HOUR
        run(engine, settings, [finding(10 * hour + number, kind=kind) for number, kind in enumerate(kinds)], at)
        for minute in range(0, 50, 2):
            deliver(engine, settings, at + minute * MINUTE)
    texts = " ".join(one.versions[0] for one in telegram.posted)
    assert all(f"charge {10 * hour + number} went back" in texts for hour in range(3) for number in range(4))
    assert len(telegram.posted) == 12


def test_html_that_the_server_does_not_take_is_sent_as_plain_text(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    telegram.takes_html = False
    settings = telling(telegram)
    run(engine, settings, [finding(1, explanation="<b>charge & co</b> went back")])
    assert deliver(engine, settings).sent == 1
    assert "<b>charge & co</b> went back" in telegram.posted[0].text
    assert not telegram.posted[0].text.startswith("<b>")


def test_a_group_that_became_another_chat_is_written_to_there_from_then_on(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    telegram.moved["-100"] = "-100200"
    telegram.chats.add("-100200")
    settings = telling(telegram, -100)
    run(engine, settings, [finding(1)])
    assert deliver(engine, settings).sent == 1
    run(engine, settings, [], NOON + MINUTE)
    later(engine, settings, NOON + MINUTE)
    [posted] = telegram.posted
    assert posted.chat_id == "-100200"
    assert posted.text.startswith("<b>✅ Resolved")
    refused = [call for call in telegram.calls if b'"-100"' in call.body]
    assert len(refused) == 1


def test_a_wrong_token_holds_the_alert_and_shows(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    telegram.fault(telegram.method("sendMessage"), "status", 5, status=401, body={"ok": False, "description": "no"})
    run(engine, settings, [finding()])
    assert deliver(engine, settings) == Delivered(held=1)
    with read(engine) as connection:
        [message] = list_alerts(connection)[0]["messages"]
    assert message["state"] == "held"
    assert "correct [alerts.telegram] token" in message["note"]
    found = tick(settings, engine, NOON + MINUTE)
    assert [one.key for one in found] == [f"address:telegram:{CHAT}/held"]
