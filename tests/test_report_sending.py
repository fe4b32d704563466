"""Reports are sent once a period: what a restart, a repeat, a new language or a quiet day does to them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from jobs.daily_report import write_daily_report
from jobs.send_reports import finish_reports, is_time
from providers.simulators.server import Reply, SimulatedServer, json_reply
from providers.simulators.telegram import TOKEN, TelegramSimulator
from reconciler import config
from reconciler.report.period import today
from reconciler.schema import finding_events, runs
from reconciler.settings import Report, Schedule, Settings
from reconciler.store.engine import open_store, read, write
from reconciler.store.outbox import entries
from tests.alert_world import CHAT, deliver, telling
from tests.cli_world import Program, shop_at_work
from tests.report_samples import MOSCOW
from tests.stores import engine, url
from tests.test_report_stored import run, undelivered

__all__ = ["engine", "url"]

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)
"""Nine o'clock in Moscow."""


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    """A simulated Telegram."""
    with TelegramSimulator() as simulator:
        yield simulator


def sending(telegram: TelegramSimulator, folder: Path, **changes: Any) -> Settings:
    """A configuration whose reports go to the simulated chat."""
    report = Report(directory=str(folder), send=(SecretStr("telegram"),), **changes)
    return telling(telegram).model_copy(update={"report": report})


def queued(engine: sa.Engine) -> list[dict[str, Any]]:
    """The reports in the outbox."""
    with read(engine) as connection:
        return [row for row in entries(connection) if row["key"].startswith("report:")]


def test_yesterdays_report_arrives_once_with_its_files(
    engine: sa.Engine, telegram: TelegramSimulator, tmp_path: Path
) -> None:
    settings = sending(telegram, tmp_path, languages=("ru", "en"))
    run(engine, SUNDAY, undelivered("1"))
    written = finish_reports(settings, engine, MONDAY)
    assert sorted(path.name for path in written) == [
        "2026-11-22.en.html", "2026-11-22.en.xlsx", "2026-11-22.html", "2026-11-22.json", "2026-11-22.xlsx"
    ]  # fmt: skip
    before = {path: path.read_bytes() for path in written}
    for hours in (1, 2):
        assert finish_reports(settings, engine, MONDAY + timedelta(hours=hours)) == []
    deliver(engine, settings, MONDAY)
    [row] = queued(engine)
    assert (row["state"], row["channel"]) == ("sent", f"telegram:{CHAT}")
    assert {path: path.read_bytes() for path in written} == before
    assert "Отчёт за день, Воскресенье, 22 ноября 2026: Есть расхождения" in row["body"]
    assert ".json" not in row["body"]


def test_what_comes_to_light_later_does_not_change_a_day_that_is_over(
    engine: sa.Engine, telegram: TelegramSimulator, tmp_path: Path
) -> None:
    settings = sending(telegram, tmp_path)
    run(engine, SUNDAY, undelivered("1"))
    first = {path: path.read_bytes() for path in finish_reports(settings, engine, MONDAY)}
    run(engine, MONDAY, undelivered("2"))
    elsewhere = Settings(report=Report(directory=str(tmp_path / "again")))
    again = {path.name: path.read_bytes() for path in finish_reports(elsewhere, engine, MONDAY)}
    assert {path.name: body for path, body in first.items()} == again


def test_the_days_last_page_takes_the_place_of_its_first_ones_and_is_written_once(
    engine: sa.Engine, tmp_path: Path
) -> None:
    settings = Settings(report=Report(directory=str(tmp_path), languages=("en", "ru")))
    run(engine, SUNDAY, undelivered("1"))
    early = write_daily_report(settings, engine, SUNDAY)["html"].read_bytes()
    run(engine, SUNDAY + timedelta(hours=1), undelivered("2"))
    written = finish_reports(settings, engine, MONDAY)
    assert len(written) == 5
    assert (tmp_path / "2026-11-22.html").read_bytes() != early
    assert finish_reports(settings, engine, MONDAY + timedelta(minutes=10)) == []
    (tmp_path / "2026-11-22.ru.xlsx").unlink()
    assert sorted(finish_reports(settings, engine, MONDAY + timedelta(minutes=20))) == sorted(written)


def test_a_quiet_day_is_written_and_sent_only_if_wanted(
    engine: sa.Engine, telegram: TelegramSimulator, tmp_path: Path
) -> None:
    run(engine, SUNDAY, verdict="reconciled")
    assert finish_reports(sending(telegram, tmp_path), engine, MONDAY)
    assert queued(engine) == []
    finish_reports(sending(telegram, tmp_path, send_quiet=True), engine, MONDAY)
    assert len(queued(engine)) == 1


def test_weeks_and_months_come_when_they_are_over(
    engine: sa.Engine, telegram: TelegramSimulator, tmp_path: Path
) -> None:
    run(engine, SUNDAY, undelivered("1"))
    settings = sending(telegram, tmp_path, weekly=True, monthly=True)
    for days in (0, 0, 7, 8):  # up to the first of December
        finish_reports(settings, engine, MONDAY + timedelta(days=days))
    keys = [row["key"].split(":")[1] for row in queued(engine)]
    assert keys.count("2026-W47") == keys.count("2026-W48") == keys.count("2026-11") == 1
    assert [key for key in keys if len(key) == 10] == ["2026-11-22", "2026-11-29", "2026-11-30"]


def test_before_the_first_run_there_is_nothing_to_send(
    engine: sa.Engine, telegram: TelegramSimulator, tmp_path: Path
) -> None:
    assert finish_reports(sending(telegram, tmp_path), engine, MONDAY) == []
    assert queued(engine) == []


@pytest.mark.parametrize(("hour", "due"), [(5, False), (6, True), (20, True)])
def test_a_run_without_a_daemon_sends_from_the_scheduled_time_on(hour: int, due: bool) -> None:
    assert is_time(Settings(), MONDAY.replace(hour=hour)) is due
    assert is_time(Settings(schedule=Schedule(report="every 10 minutes")), MONDAY)


def test_a_run_by_hand_brings_yesterdays_report_to_the_chat_once(
    telegram: TelegramSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Program(tmp_path, capsys)
    asked = {
        "RECONCILER_REPORT__SEND": '["telegram"]',
        "RECONCILER_ALERTS__TELEGRAM__TOKEN": TOKEN,
        "RECONCILER_ALERTS__TELEGRAM__CHAT_IDS": f"[{CHAT}]",
        "RECONCILER_ALERTS__TELEGRAM__API_BASE": telegram.url,
        "RECONCILER_SCHEDULE__REPORT": "every 1 minute",
    }
    with shop_at_work(tmp_path, 5) as (_scenario, settings):
        assert program("run").code == 0
        store = open_store(settings.database.url)
        with write(store) as connection:
            yesterday = datetime.now(UTC) - timedelta(days=1)
            said = connection.execute(sa.select(runs.c.statement)).scalar_one() | {"at": yesterday.isoformat()}
            connection.execute(sa.update(runs).values(finished_at=yesterday, statement=said))
            connection.execute(sa.update(finding_events).values(at=yesterday))
        store.dispose()
        for _ in range(2):
            assert program.process("run", **asked).code == 0
    reports = [one for one in telegram.posted if one.file_names]
    assert len({tuple(one.file_names) for one in reports}) == len(reports)
    assert sorted(name for one in reports for name in one.file_names) == [
        f"{today(yesterday, MOSCOW).name}.html", f"{today(yesterday, MOSCOW).name}.xlsx"
    ]  # fmt: skip
    assert "Daily report, " in "".join(one.text for one in reports)


class Hook(SimulatedServer):
    """Somebody's own address for reports."""

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Take whatever comes."""
        return json_reply({})


@pytest.fixture
def hook() -> Iterator[Hook]:
    """An address that takes every report."""
    with Hook() as simulator:
        yield simulator


def test_sent_reports_are_listed_and_a_failed_one_is_tried_again_until_it_is_there(
    telegram: TelegramSimulator, hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Program(tmp_path, capsys)
    program.configure(
        f'''[database]
url = "sqlite:///{tmp_path}/s.db"
[report]
directory = "{tmp_path}/reports"
send = ["telegram", "{hook.url.replace("http", "json")}/hook"]
[alerts.telegram]
token = "{TOKEN}"
chat_ids = [{CHAT}]
api_base = "{telegram.url}"
'''
    )
    assert "No report was sent yet" in program("alerts", "list", "--reports").out
    settings = config.load(tmp_path / "config.toml")
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    run(engine, SUNDAY, undelivered("1"))
    finish_reports(settings, engine, MONDAY)
    hook.fault("/hook", "status", status=503)
    deliver(engine, settings, MONDAY)
    listed = {one["address"].partition(":")[0]: one for one in program("alerts", "list", "--reports", "--json").json()}
    assert {kind: (one["report"], one["state"], one["attempts"]) for kind, one in listed.items()} == {
        "telegram": ("2026-11-22", "sent", 1), "json": ("2026-11-22", "todo", 1)
    }  # fmt: skip
    key = listed["json"]["key"]
    assert program("alerts", "retry", key, "--json").json() == {"retried": [key]}
    assert "2026-11-22" in program("alerts", "list", "--reports").out
    assert program("alerts", "list", "--reports", "--state", "open").code == 64
    deliver(engine, settings, max(MONDAY, datetime.now(UTC)))  # the command goes by the clock
    sent = program("alerts", "list", "--reports", "--json").json()
    assert {one["address"].partition(":")[0]: (one["state"], one["attempts"]) for one in sent} == {
        "telegram": ("sent", 1), "json": ("sent", 2)
    }  # fmt: skip
    arrived = hook.called("/hook")[-1].body
    assert b"2026-11-22" in arrived or b"22 November 2026" in arrived
    engine.dispose()
