"""`alerts list`, `retry` and `test`, what `status` and `doctor` say of the ways to people, and the heartbeat."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs import troubles
from jobs.heartbeat import beating
from providers.simulators.telegram import TOKEN, TelegramSimulator
from reconciler.schema_books import job_runs
from reconciler.settings import Settings
from reconciler.store.engine import open_store, write
from reconciler.store.upsert import upsert
from tests.alert_stage import Hook, telegram
from tests.alert_world import NOON, deliver, finding, later, run, telling
from tests.cli_world import MINIMAL, Program, _logs_as_before, program
from tests.stores import engine, url

__all__ = ["_logs_as_before", "engine", "program", "telegram", "url"]
HOUR = timedelta(hours=1)


def config(telegram: TelegramSimulator, urls: str = "", user_ids: str = "4242") -> str:
    """A configuration that alerts."""
    return f"""{MINIMAL}
[alerts]
urls = [{urls}]
[alerts.telegram]
token = "{TOKEN}"
chat_ids = [77]
user_ids = [{user_ids}]
api_base = "{telegram.url}"
"""


def store_of(program: Program) -> sa.Engine:
    """The program's own store."""
    return open_store(f"sqlite:///{program.folder}/var/reconciler.db")


def test_the_list_shows_each_alert_with_what_became_of_its_messages(
    program: Program, telegram: TelegramSimulator
) -> None:
    program.configure(config(telegram))
    assert "Nobody was alerted" in program("alerts", "list").out
    engine, settings = store_of(program), telling(telegram)
    telegram.fault(telegram.method("sendMessage"), "status", status=403, body={"ok": False})
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    [row] = program("alerts", "list", "--json").json()
    assert (row["state"], row["severity"], row["at_stake"]) == ("open", "critical", {"USD": "5.40"})
    assert row["title"] == "Suspected chargeback, DigiSeller"
    [message] = row["messages"]
    assert (message["address"], message["state"]) == ("telegram:77", "held")
    assert program("alerts", "list", "--state", "resolved", "--json").json() == []
    text = program("alerts", "list").out
    assert "held" in text
    assert "alerts retry" in text


def test_retry_makes_held_messages_due_again_and_the_audit_knows(program: Program, telegram: TelegramSimulator) -> None:
    program.configure(config(telegram))
    engine, settings = store_of(program), telling(telegram)
    telegram.fault(telegram.method("sendMessage"), "status", status=403, body={"ok": False})
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    [key] = program("alerts", "retry", "--json").json()["retried"]
    assert key.endswith(":telegram:77")
    deliver(engine, settings, datetime.now(UTC) + timedelta(seconds=5))
    assert len(telegram.posted) == 1
    assert program("alerts", "retry", "nothing").code == 64


def test_an_alert_can_be_acknowledged_without_a_button(program: Program, telegram: TelegramSimulator) -> None:
    program.configure(config(telegram))
    engine, settings = store_of(program), telling(telegram)
    run(engine, settings, [finding(1)])
    [row] = program("alerts", "list", "--json").json()
    assert program("alerts", "acknowledge", "nothing", "--by", "Ann").code == 64
    done = program("alerts", "acknowledge", row["id"][:6], "--by", "Ann", "--json")
    assert done.json() == {"acknowledged": [row["id"]]}
    [row] = program("alerts", "list", "--json").json()
    assert (row["state"], row["acknowledged_by"]) == ("acknowledged", "Ann")


def test_the_test_writes_to_every_address_and_names_the_one_that_fails(
    program: Program, telegram: TelegramSimulator
) -> None:
    with Hook() as hook:
        hook.fault("/", "status", status=500)
        program.configure(config(telegram, f'"{hook.url.replace("http", "json")}/secret-path"'))
        ended = program("alerts", "test", "--json")
        assert ended.code == 2
        good, bad = ended.json()["addresses"]
        assert (good["address"], good["ok"]) == ("telegram:77", True)
        assert (bad["ok"], bad["note"]) == (False, "answered 500")
        assert bad["address"].startswith("json:")
        assert "secret-path" not in ended.out + ended.err
        assert program("alerts", "test").code == 0
    assert "alerts test" in telegram.posted[0].text


def test_the_test_without_any_address_says_so(program: Program) -> None:
    program.configure(MINIMAL)
    ended = program("alerts", "test")
    assert ended.code == 2
    assert "no address is configured" in ended.err


@pytest.mark.parametrize(
    ("change", "check", "state", "words"),
    [
        ({}, "telegram:77", "ok", "may see the chat"),
        ({"chats": set()}, "telegram:77", "failed", "check chat_ids"),
        ({"user_ids": ""}, "telegram buttons", "warning", "nobody may acknowledge"),
        ({"urls": '"nonsense://x"'}, "nonsense:", "failed", "no address that apprise knows"),
        ({}, "heartbeat", "warning", "nobody notices"),
    ],
)
def test_doctor_looks_at_every_way_to_people(
    program: Program, telegram: TelegramSimulator, change: dict[str, Any], check: str, state: str, words: str
) -> None:
    telegram.chats = change.get("chats", telegram.chats)
    program.configure(config(telegram, change.get("urls", ""), change.get("user_ids", "4242")))
    found = [one for one in program("doctor", "--json").json()["checks"] if one["name"].startswith(check)]
    assert [one["state"] for one in found] == [state]
    assert words in found[0]["message"]
    assert telegram.posted == [], "nobody is written to"


def test_status_shows_alerts_and_what_is_wrong_with_the_work(program: Program, telegram: TelegramSimulator) -> None:
    program.configure(config(telegram))
    engine, settings = store_of(program), telling(telegram)
    telegram.fault(telegram.method("sendMessage"), "status", 5, status=403, body={"ok": False})
    run(engine, settings, [finding(1)])
    deliver(engine, settings)
    state = program("status", "--json").json()
    assert state["alerts"] == {"open": 1, "acknowledged": 0}
    assert "address:telegram:77/held" in {f"{one['area']}:{one['subject']}" for one in state["troubles"]}
    text = program("status").out
    assert "Alerts to telegram:77 are held" in text
    assert "1 not acknowledged" in text


def ended(engine: sa.Engine, job: str, at: datetime) -> None:
    """A job's slot that was done."""
    with write(engine) as connection:
        upsert(connection, job_runs, [(job, at, at, at, None)])


@pytest.mark.parametrize(
    ("job", "last", "now", "late"),
    [
        ("pull", NOON, NOON + timedelta(minutes=29), False),
        ("pull", NOON, NOON + timedelta(minutes=31), True),
        ("sweep", NOON, NOON + timedelta(hours=16), False),  # 04:00 in Moscow is 16 hours after noon
        ("sweep", NOON, NOON + timedelta(hours=17, minutes=1), True),
    ],
)
def test_a_job_is_late_by_its_own_schedule(
    engine: sa.Engine, job: str, last: datetime, now: datetime, late: bool
) -> None:
    ended(engine, job, last)
    found = troubles.wrong(engine, Settings(), "job", now)
    assert found == (f"The job {job} is late" if late else None)


def test_a_late_job_is_told_and_resolved_when_it_has_run(engine: sa.Engine, telegram: TelegramSimulator) -> None:
    settings = telling(telegram)
    ended(engine, "pull", NOON)
    later(engine, settings, NOON + HOUR)
    later(engine, settings, NOON + HOUR + timedelta(minutes=1))
    [posted] = telegram.posted
    assert "The job pull is late" in posted.text
    ended(engine, "pull", NOON + HOUR)
    later(engine, settings, NOON + HOUR + timedelta(minutes=2))
    assert "Resolved" in posted.text


@pytest.mark.parametrize(
    ("address", "job", "good", "pings"),
    [
        ("/p", "run", True, ["/p/start", "/p"]),
        ("/p", "reconcile", False, ["/p/start", "/p/fail"]),
        ("/p", "sweep", True, []),
        ("/p/{job}", "sweep", True, ["/p/sweep/start", "/p/sweep"]),
    ],
)
def test_a_heartbeat_says_start_and_how_it_ended(address: str, job: str, good: bool, pings: list[str]) -> None:
    with Hook() as watcher:
        settings = telling(heartbeat_url=watcher.url + address)
        with beating(settings, job) as say:
            say(good)
        assert [call.path for call in watcher.calls] == pings


def test_a_job_that_raises_beats_as_failed_and_a_deaf_watcher_stops_nothing() -> None:
    with Hook() as watcher:
        settings = telling(heartbeat_url=watcher.url + "/p?rid=1")
        with pytest.raises(ZeroDivisionError), beating(settings, "run"):
            _ = 1 // 0
        assert [call.path for call in watcher.calls] == ["/p/start", "/p/fail"]
        assert watcher.calls[0].query == {"rid": "1"}
    done = False
    with beating(settings, "run"):
        done = True
    assert done
