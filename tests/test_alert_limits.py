"""How often people are told: quiet hours, the hourly limit, reminders, the second way, and storms."""

import sqlalchemy as sa

from jobs import alert_senders
from providers.simulators.telegram import TelegramSimulator
from reconciler.schema_told import audit_records
from reconciler.store.alerts import raise_alert
from reconciler.store.engine import write
from tests.alert_stage import HOUR, MINUTE, Hook, hook, pressed, telegram
from tests.alert_world import NOON, deliver, finding, later, run, telling, warning
from tests.stores import engine, stored, url

__all__ = ["engine", "hook", "telegram", "url"]


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
