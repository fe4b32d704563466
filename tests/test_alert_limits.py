"""How often people are told: quiet hours, the hourly limit, reminders, the second way, and buttons that stop them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs import alert_senders
from jobs.alerts import send_document, tick
from jobs.buttons import act
from providers.simulators.server import Reply, SimulatedServer, json_reply
from providers.simulators.telegram import Posted, TelegramSimulator
from reconciler.alerts.telegram.buttons import press
from reconciler.schema_cases import cases
from reconciler.schema_told import audit_records
from reconciler.settings import Settings
from reconciler.store.alert_seen import CASE
from reconciler.store.alert_views import list_alerts
from reconciler.store.alerts import raise_alert
from reconciler.store.engine import read, write
from reconciler.words import say
from tests.alert_world import ANN, CHAT, NOON, deliver, finding, later, run, telling, warning
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Hook(SimulatedServer):
    """An address of somebody's own, which takes what apprise posts as JSON."""

    def handle(self, method: str, path: str, query: Any, body: bytes) -> Reply:
        """Take it."""
        return json_reply({"ok": True})

    @property
    def titles(self) -> list[str]:
        """The titles that arrived, in order."""
        import json

        return [str(json.loads(call.body)["title"]) for call in self.calls]


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    """Telegram's stand-in, up on loopback."""
    with TelegramSimulator() as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook, up on loopback."""
    with Hook() as running:
        yield running


def pressed(
    engine: sa.Engine, settings: Settings, telegram: TelegramSimulator, posted: Posted, label: str, at: Any, **how: Any
) -> str:
    """What a press of a button comes to."""
    telegram.press(posted, label, **({"user": ANN} | how))
    wanted = press(telegram.updates.pop())
    assert wanted is not None
    with write(engine) as connection:
        return say("en", f"pressed.{act(connection, settings.alerts.telegram, wanted, at)}")


def test_each_chat_has_a_bucket_of_its_own_with_one_message_a_second() -> None:
    alert_senders._bucket.cache_clear()
    assert alert_senders._bucket("1").try_acquire("1", blocking=False)
    assert not alert_senders._bucket("1").try_acquire("1", blocking=False)
    assert alert_senders._bucket("2").try_acquire("2", blocking=False)


def test_over_the_hourly_limit_one_message_says_how_many_were_held_back(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram, max_per_hour=5)
    with write(engine) as connection:
        for number in range(12):
            raise_alert(connection, f"n{number}", "critical", f"Notice {number}", "text", NOON)
    deliver(engine, settings)
    assert len(telegram.posted) == 5
    assert "8 alerts were held back" in telegram.posted[-1].text
    told = " ".join(one.text for one in telegram.posted)
    assert all(f"Notice {number}" in told for number in range(12)), "nothing is lost"
    with write(engine) as connection:
        raise_alert(connection, "late", "critical", "Late", "text", NOON)
    deliver(engine, settings, NOON + 30 * MINUTE)
    assert len(telegram.posted) == 5
    deliver(engine, settings, NOON + 61 * MINUTE)
    assert "Late" in telegram.posted[5].text
    assert [row.kind for row in stored(engine, audit_records)].count("alert.held_back") == 1


def test_in_quiet_hours_only_what_is_critical_rings(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram, quiet_hours="23:00-08:00")
    night = NOON + 11 * HOUR  # 23:00 in Moscow
    run(engine, settings, [warning(1)], night - 10 * MINUTE)
    run(engine, settings, [warning(1), warning(2), finding(3)], night + HOUR)
    later(engine, settings, night + 2 * HOUR)
    assert len(telegram.posted) == 1
    assert "Suspected chargeback" in telegram.posted[0].text
    later(engine, settings, night + 9 * HOUR)
    assert "Duplicate charge" in telegram.posted[-1].text


def test_what_nobody_acknowledges_is_told_again_and_then_to_others(
    engine: sa.Engine, telegram: TelegramSimulator, hook: Hook
) -> None:
    settings = telling(telegram, escalate_urls=[hook.url.replace("http", "json") + "/boss"])
    run(engine, settings, [finding(1)])
    for hour in range(4):
        later(engine, settings, NOON + hour * HOUR)
    assert len(telegram.posted) == 1
    later(engine, settings, NOON + 4 * HOUR)
    assert len(telegram.posted) == 2
    assert "nobody has acknowledged it" in telegram.posted[1].text
    assert hook.titles == []
    later(engine, settings, NOON + 8 * HOUR)
    assert len(hook.titles) == 1
    later(engine, settings, NOON + 12 * HOUR)
    assert len(hook.titles) == 1


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


def put_cases(connection: sa.Connection, *statuses: str) -> None:
    """A case for each finding, in this state."""
    from reconciler.schema import findings

    connection.execute(sa.update(findings).values(case_id=None))
    connection.execute(sa.delete(cases))
    ids = connection.execute(sa.select(findings.c.id).order_by(findings.c.id)).scalars().all()
    for number, (id_, status) in enumerate(zip(ids, statuses, strict=True)):
        row = {
            "id": f"c{number}", "root": f"r{number}", "status": status, "version": 1, "kind": "k",
            "severity": "critical",
            "said": {}, "reopened": False, "opened_at": NOON, "updated_at": NOON, "due_at": NOON + 3 * HOUR,
            "due_told": "due_soon",
        }  # fmt: skip
        connection.execute(sa.insert(cases).values(row))
        connection.execute(sa.update(findings).where(findings.c.id == id_).values(case_id=f"c{number}"))


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


def test_each_address_fails_and_is_tried_again_alone(
    engine: sa.Engine, telegram: TelegramSimulator, hook: Hook
) -> None:
    hook.fault("/bad", "status", 2, status=503)
    base = hook.url.replace("http", "json")
    settings = telling(telegram, urls=[f"{base}/good", f"{base}/bad"])
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    deliver(engine, settings, NOON + MINUTE)
    deliver(engine, settings, NOON + 2 * MINUTE)
    assert [len(hook.called(path)) for path in ("/good", "/bad")] == [1, 3]
    assert len(telegram.posted) == 1
    with read(engine) as connection:
        messages = list_alerts(connection)[0]["messages"]
    assert {one["state"] for one in messages} == {"sent"}


def test_where_a_message_cannot_be_changed_a_short_one_says_that_it_is_over(engine: sa.Engine, hook: Hook) -> None:
    settings = telling(urls=[hook.url.replace("http", "json")])
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    run(engine, settings, [], NOON + MINUTE)
    later(engine, settings, NOON + MINUTE)
    assert [title[:11] for title in hook.titles] == ["🔴 Suspected", "✅ Resolved:"]


def test_a_silent_address_is_told_of_by_the_others_and_what_it_missed_goes_another_way(
    engine: sa.Engine, telegram: TelegramSimulator, hook: Hook
) -> None:
    settings = telling(telegram, escalate_urls=[hook.url.replace("http", "json")])
    telegram.fault(telegram.method("sendMessage"), "status", 10_000)
    run(engine, settings, [finding(1)])
    for minute in range(7):
        later(engine, settings, NOON + minute * MINUTE)
    assert any("Suspected chargeback" in title for title in hook.titles)
    assert any(f"Alerts do not reach telegram:{CHAT}" in title for title in hook.titles)
    assert len(hook.titles) == 2
    telegram.clear_faults()
    for minute in range(12, 14):
        later(engine, settings, NOON + minute * MINUTE)
    assert len(telegram.posted) == 1
    assert hook.titles[-1].startswith("✅ Resolved: Alerts do not reach")


def test_an_address_that_left_the_configuration_leaves_nothing_waiting(
    engine: sa.Engine, telegram: TelegramSimulator, hook: Hook
) -> None:
    hook.fault("/", "status", 5, status=503)
    base = hook.url.replace("http", "json")
    settings = telling(telegram, urls=[base])
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    tick(telling(telegram), engine, NOON + HOUR)
    with read(engine) as connection:
        notes = {one["note"] for one in list_alerts(connection)[0]["messages"] if one["state"] == "held"}
    assert notes == {"the address is not in the configuration any more"}


def test_what_comes_back_to_an_alert_that_somebody_saw_to_rings_again(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1), finding(2)])
    later(engine, settings, NOON)
    pressed(engine, settings, telegram, telegram.posted[0], "Acknowledge", NOON)
    run(engine, settings, [finding(2)], NOON + HOUR)
    later(engine, settings, NOON + HOUR)
    run(engine, settings, [finding(1), finding(2)], NOON + 2 * HOUR)
    later(engine, settings, NOON + 2 * HOUR)
    assert len(telegram.posted) == 2
    assert "charge 1 went back" in telegram.posted[1].text


def test_a_storm_that_goes_on_changes_its_message_until_somebody_has_seen_it(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram)
    for minute in range(5):
        at = NOON + minute * 2 * MINUTE
        run(engine, settings, [finding(number) for number in range(60 * (minute + 1))], at)
        later(engine, settings, at)
    [posted] = telegram.posted
    assert "300 findings at once" in posted.text
    pressed(engine, settings, telegram, posted, "Acknowledge", NOON + 10 * MINUTE)
    run(engine, settings, [finding(number) for number in range(301)], NOON + 11 * MINUTE)
    later(engine, settings, NOON + 11 * MINUTE)
    assert len(telegram.posted) == 2


def test_a_document_goes_to_a_chat_and_to_an_apprise_address(
    engine: sa.Engine, telegram: TelegramSimulator, hook: Hook, tmp_path: Any
) -> None:
    from reconciler.alerts.addresses import reports

    for name in ("day.html", "day.xlsx"):
        (tmp_path / name).write_bytes(b"content")
    files = [str(tmp_path / "day.html"), str(tmp_path / "day.xlsx")]
    base = telling(telegram)
    report = base.report.model_copy(
        update={"send": tuple(map(_secret, ["telegram", hook.url.replace("http", "json")]))}
    )
    settings = base.model_copy(update={"report": report})
    with write(engine) as connection:
        for one in reports(settings):
            for _ in range(2):
                send_document(connection, one.key, f"report:{one.key}", "Day", "All is well.", files, NOON)
    assert deliver(engine, settings).sent == 2
    assert telegram.posted[0].file_names == ["day.html", "day.xlsx"]
    assert telegram.posted[0].text == "Day\nAll is well."
    assert hook.titles == ["Day"]


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)
