"""Several ways to people: each fails and is tried again alone, and what one misses goes another way."""

from typing import Any

import sqlalchemy as sa

from jobs.alerts import send_document, tick
from providers.simulators.telegram import TelegramSimulator
from reconciler.store.alert_views import list_alerts
from reconciler.store.engine import read, write
from tests.alert_stage import HOUR, MINUTE, Hook, hook, telegram
from tests.alert_world import CHAT, NOON, deliver, finding, later, run, telling
from tests.stores import engine, url

__all__ = ["engine", "hook", "telegram", "url"]


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
