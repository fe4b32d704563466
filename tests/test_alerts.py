"""Alerts from outside: what a run finds arrives in the chat, changes with what becomes of it, and is never lost."""

from typing import Any

import pytest
import sqlalchemy as sa

from jobs import reconcile
from jobs.dispatch import Delivered
from providers.simulators.telegram import TOKEN, TelegramSimulator
from reconciler.schema import findings
from reconciler.schema_alerts import alert_findings, alerts
from reconciler.schema_told import audit_records, outbox
from reconciler.store.alert_views import list_alerts
from reconciler.store.alerts import raise_alert
from reconciler.store.engine import read, write
from tests.alert_stage import MINUTE, telegram
from tests.alert_world import CHAT, NOON, deliver, finding, later, run, telling, warning
from tests.builders import World, charge, order, refund, settings
from tests.stores import engine, stored, url

__all__ = ["engine", "telegram", "url"]


def states(engine: sa.Engine) -> list[str]:
    """The states of all alerts, in the order of their opening."""
    with read(engine) as connection:
        return [one["state"] for one in list_alerts(connection)]


def test_a_critical_finding_is_told_at_once_with_all_that_a_person_needs(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram, public_url="https://desk.example")
    run(engine, settings, [finding(7)])
    assert deliver(engine, settings).sent == 1
    [posted] = telegram.posted
    for words in ("Suspected chargeback", "DigiSeller", "acc-7", "ord-7", "5.40 USD", "policy 7", "charge 7 went back"):
        assert words in posted.text
    assert [one["text"] for one in posted.buttons] == ["Acknowledge", "Snooze 1 h", "Snooze 1 day", "Open"]
    assert posted.buttons[-1]["url"].startswith("https://desk.example/findings/")
    run(engine, settings, [finding(7)], NOON + MINUTE)
    later(engine, settings, NOON + MINUTE)
    assert len(telegram.posted) == 1, "the same fact is told once"


class Died(Exception):
    """The run ends here, as if it were killed."""


@pytest.mark.parametrize("last", ["conclude", "note", "end_run"])
def test_the_alert_is_stored_with_its_finding_or_not_at_all(
    engine: sa.Engine, telegram: TelegramSimulator, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    watched = settings().model_copy(update={"alerts": telling(telegram).alerts})
    world = World(engine, watched).complete().add(charge(), order(), refund())
    whole = getattr(reconcile, last)

    def dying(*given: Any, **more: Any) -> Any:
        whole(*given, **more)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, last, dying)
        with pytest.raises(Died):
            world.judge()
    assert [stored(engine, table) for table in (findings, alerts, outbox)] == [[], [], []]
    world.judge()
    urgent = [row.id for row in stored(engine, findings) if row.severity == "critical"]
    assert len(urgent) == 1
    assert [row.finding_id for row in stored(engine, alert_findings)] == urgent
    assert [row.channel for row in stored(engine, outbox)] == [f"telegram:{CHAT}"]


def test_warnings_wait_for_one_digest_and_what_is_over_by_then_is_not_told(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram)
    run(engine, settings, [warning(1)])
    run(engine, settings, [warning(1), warning(2)], NOON + 5 * MINUTE)
    assert deliver(engine, settings, NOON + 29 * MINUTE) == Delivered()
    run(engine, settings, [warning(2)], NOON + 29 * MINUTE)
    later(engine, settings, NOON + 30 * MINUTE)
    [posted] = telegram.posted
    assert "charge 2 went back" in posted.text
    assert "Duplicate charge" in posted.text
    run(engine, settings, [], NOON + 31 * MINUTE)
    run(engine, settings, [warning(5)], NOON + 32 * MINUTE)
    run(engine, settings, [], NOON + 33 * MINUTE)
    later(engine, settings, NOON + 90 * MINUTE)
    assert len(telegram.posted) == 1, "what was over before it was told is never told"


def broken_feed(engine: sa.Engine, telegram: TelegramSimulator, tenth: int) -> None:
    """Ten times so many findings in one run: how many messages come of it, and how they change as it mends."""
    settings = telling(telegram)
    kinds = ["suspected_chargeback", "undelivered_order", "missing_charge", "credits_not_revoked", "chargeback"]
    many = [finding(number, kind=kinds[number % 5]) for number in range(9 * tenth)]
    many += [warning(number) for number in range(9 * tenth, 10 * tenth)]
    run(engine, settings, many)
    deliver(engine, settings)
    later(engine, settings, NOON + 31 * MINUTE)
    assert 1 <= len(telegram.posted) <= 5
    assert f"{9 * tenth:,} findings at once" in telegram.posted[0].text
    assert "a feed may be broken" in telegram.posted[0].text
    assert f"{tenth:,} findings" in telegram.posted[1].text
    run(engine, settings, many[:10], NOON + 40 * MINUTE)
    later(engine, settings, NOON + 40 * MINUTE)
    assert len(telegram.posted) <= 5
    assert f"{9 * tenth - 10:,} of {9 * tenth:,} resolved by now" in telegram.posted[0].text


def test_a_thousand_findings_at_once_are_at_most_five_messages_and_the_first_says_so(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    broken_feed(engine, telegram, 100)


@pytest.mark.long
def test_ten_thousand_findings_at_once_are_at_most_five_messages_too(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    broken_feed(engine, telegram, 1000)


def test_resolved_findings_change_their_message_and_send_no_other(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding(1), finding(2, kind="missing_charge")])
    deliver(engine, settings)
    first, second = telegram.posted
    run(engine, settings, [finding(2, kind="missing_charge")], NOON + MINUTE)
    later(engine, settings, NOON + MINUTE)
    over, standing = (first, second) if "Suspected" in first.text else (second, first)
    assert over.text.startswith("<b>✅ Resolved: Suspected chargeback")
    assert over.buttons == []
    assert len(standing.versions) == 1, "the edit lands on the right message"
    assert len(telegram.posted) == 2


def test_a_finding_that_flickers_changes_one_message(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    for minute in range(6):
        run(engine, settings, [finding()] if minute % 2 == 0 else [], NOON + minute * MINUTE)
        deliver(engine, settings, NOON + minute * MINUTE)
    assert len(telegram.posted) == 1
    assert len(telegram.posted[0].versions) == 6
    assert telegram.posted[0].text.startswith("<b>✅ Resolved")


def test_a_missing_provider_holds_back_what_only_follows_from_it(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    from reconciler.schema import feeds
    from tests.alert_world import provider_enabled

    settings = provider_enabled(telling(telegram))
    with write(engine) as connection:
        row = {"name": "digiseller.sales", "last_attempt_at": NOON, "last_success_at": NOON, "last_error": "no answer"}
        connection.execute(sa.insert(feeds).values(row))
    gap = warning(1, kind="feed_gap", amount_minor=None, currency=None)
    run(engine, settings, [gap, warning(2)])
    later(engine, settings, NOON + 31 * MINUTE)
    [digest] = telegram.posted
    assert "Duplicate charge" in digest.text
    assert "Feed gap" not in digest.text
    with write(engine) as connection:
        connection.execute(sa.update(feeds).values(last_error=None, last_success_at=NOON + 40 * MINUTE))
    later(engine, settings, NOON + 40 * MINUTE)
    assert "Feed gap" in telegram.posted[1].text


def test_alerts_from_the_rest_of_the_program_are_delivered_too(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    with write(engine) as connection:
        assert raise_alert(connection, "brake:1", "critical", "Held back", "Look at the cases.", NOON)
        assert not raise_alert(connection, "brake:1", "critical", "Held back", "Look at the cases.", NOON)
    deliver(engine, settings)
    deliver(engine, settings)
    [posted] = telegram.posted
    assert "Held back" in posted.text
    assert "Look at the cases." in posted.text


def test_the_audit_knows_every_alert_that_was_opened_sent_and_resolved(
    engine: sa.Engine, telegram: TelegramSimulator
) -> None:
    settings = telling(telegram)
    run(engine, settings, [finding()])
    deliver(engine, settings)
    run(engine, settings, [], NOON + MINUTE)
    kinds = [row.kind for row in stored(engine, audit_records)]
    assert kinds == ["alert.opened", "alert.sent", "alert.resolved"]


def test_no_secret_stands_in_any_table(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram, urls=["json://user:hunter22@127.0.0.1:9/hook"])
    run(engine, settings, [finding()])
    deliver(engine, settings)
    later(engine, settings, NOON + 10 * MINUTE)
    from reconciler.schema import metadata

    held = " ".join(str(row) for table in metadata.sorted_tables for row in stored(engine, table))
    assert "hunter22" not in held
    assert TOKEN not in held
    assert "json:" in held
