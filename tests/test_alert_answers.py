"""What ends an alert: a button pressed by whom it is meant for, a decision, a date that is over."""

from typing import Any

import pytest
import sqlalchemy as sa

from providers.simulators.telegram import TelegramSimulator
from reconciler.alerts.telegram.buttons import press
from reconciler.schema_cases import cases
from reconciler.schema_told import audit_records
from reconciler.store.alert_seen import CASE
from reconciler.store.alert_views import list_alerts
from reconciler.store.alerts import raise_alert
from reconciler.store.engine import read, write
from tests.alert_stage import HOUR, MINUTE, pressed, put_cases, telegram
from tests.alert_world import ANN, CHAT, NOON, deliver, finding, later, run, telling, warning
from tests.stores import engine, stored, url

__all__ = ["engine", "telegram", "url"]


def test_who_acknowledges_ends_the_reminders_and_every_message_says_so(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1)])
    later(engine, settings, NOON)
    later(engine, settings, NOON + 4 * HOUR)
    first, second = telegram.posted
    said = pressed(engine, settings, telegram, second, "Acknowledge", NOON + 5 * HOUR)
    assert said == "Acknowledged."
    for hour in range(5, 30, 4):
        later(engine, settings, NOON + hour * HOUR)
    assert len(telegram.posted) == 2
    for posted in (first, second):
        assert "Acknowledged by ann, 2026-11-25 17:00 MSK" in posted.text
        assert posted.buttons == []
    recorded = [(row.kind, row.actor) for row in stored(engine, audit_records)]
    assert ("alert.acknowledged", f"telegram:{ANN}") in recorded


def test_snoozed_alerts_come_back_when_their_time_is_over(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1)])
    later(engine, settings, NOON)
    assert pressed(engine, settings, telegram, telegram.posted[0], "Snooze 1 day", NOON) == "Snoozed."
    for hour in range(0, 24, 3):
        later(engine, settings, NOON + hour * HOUR)
    assert len(telegram.posted) == 1
    assert "Snoozed until 2026-11-26 12:00 MSK" in telegram.posted[0].text
    later(engine, settings, NOON + 24 * HOUR)
    assert len(telegram.posted) == 2


def test_a_button_works_once_and_only_for_whom_it_is_meant(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    [posted] = telegram.posted
    stranger = pressed(engine, settings, telegram, posted, "Acknowledge", NOON, user=13)
    elsewhere = pressed(engine, settings, telegram, posted, "Acknowledge", NOON, chat="99")
    forged = pressed(engine, settings, telegram, posted, "Acknowledge", NOON, data="a:guessed")
    assert stranger == elsewhere
    assert stranger.startswith("You may not")
    assert "used already" in forged
    with read(engine) as connection:
        assert list_alerts(connection)[0]["state"] == "open"
    assert pressed(engine, settings, telegram, posted, "Snooze 1 h", NOON) == "Snoozed."
    assert "used already" in pressed(engine, settings, telegram, posted, "Acknowledge", NOON)
    deliver(engine, settings, NOON + MINUTE)
    assert pressed(engine, settings, telegram, posted, "Acknowledge", NOON + MINUTE) == "Acknowledged."


def test_a_decision_about_every_case_counts_as_acknowledged(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1), finding(2)])
    deliver(engine, settings)
    with write(engine) as connection:
        put_cases(connection, "decided", "decided")
    later(engine, settings, NOON + MINUTE)
    assert "Acknowledged by a decision" in telegram.posted[0].text
    later(engine, settings, NOON + 5 * HOUR)
    assert len(telegram.posted) == 1


def test_an_open_case_keeps_its_alert_open(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1), finding(2)])
    with write(engine) as connection:
        put_cases(connection, "decided", "open")
    later(engine, settings, NOON + MINUTE)
    with read(engine) as connection:
        assert list_alerts(connection)[0]["state"] == "open"


def test_a_case_that_is_due_soon_is_told_once_and_over_when_it_is_decided(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram, minimum_severity="critical")
    run(engine, settings, [warning(1)])
    for _ in range(2):
        with write(engine) as connection:
            put_cases(connection, "open")
            raise_alert(connection, f"{CASE}c0:due_soon:{NOON}", "warning", "A case is due soon", "Case c0", NOON)
        deliver(engine, settings)
        deliver(engine, settings)
    [posted] = telegram.posted
    assert "A case is due soon" in posted.text
    with write(engine) as connection:
        put_cases(connection, "decided")
    later(engine, settings, NOON + MINUTE)
    assert "Resolved" in posted.text


def test_a_date_that_comes_near_after_the_decision_is_not_over_before_somebody_saw_to_it(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram, minimum_severity="critical")
    run(engine, settings, [warning(1)])
    for minutes, over in ((-60, False), (2, True)):
        with write(engine) as connection:
            put_cases(connection, "decided")
            at = (NOON + minutes * MINUTE).isoformat()
            connection.execute(sa.update(cases).values(decision={"at": at}))
            raise_alert(connection, f"{CASE}c0:due_soon:{NOON}", "warning", "A case is due soon", "Case c0", NOON)
        deliver(engine, settings)
        later(engine, settings, NOON + 3 * MINUTE)
        [posted] = telegram.posted
        assert ("Resolved" in posted.text) is over


@pytest.mark.parametrize("data", ["", "a", "x:abc", "a:", ":", "a:b:c", 5, None, ["a:b"]])
def test_a_press_in_a_form_that_nobody_made_does_nothing(data: Any) -> None:
    query = {"id": "1", "from": {"id": ANN}, "message": {"message_id": 1, "chat": {"id": CHAT}}, "data": data}
    got = press({"update_id": 1, "callback_query": query})
    assert got is None or got.token in {"", "b:c"}
