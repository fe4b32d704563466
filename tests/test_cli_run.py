"""The main job and the commands that look at its result, as a person or a script calls them, over real HTTP."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from reconciler.report.texts import KINDS
from reconciler.schema import runs
from reconciler.settings import Settings
from reconciler.store.engine import open_store, read, write
from tests.cli_world import COMMAND, Ended, Program, _logs_as_before, program, shop_at_work

__all__ = ["_logs_as_before", "program"]

CONTRACT = {
    "id", "kind", "severity", "status", "provider", "transaction_ids", "related_transaction_ids", "order_id",
    "account_id", "amount", "currency", "reason", "policy_clause", "recommendation", "refundable_amount",
    "explanation", "differences", "first_seen_at", "last_seen_at", "resolved_at", "case_id",
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Settings, Ended]]:
    """A folder in which the job ran once over a made-up shop, and how `run --json` ended."""
    folder = tmp_path_factory.mktemp("shop")
    caller = Program(folder, None)
    with shop_at_work(folder) as (_scenario, settings):
        yield folder, settings, caller.process("run", "--json")


@pytest.fixture
def after(ran: tuple[Path, Settings, Ended], capsys: pytest.CaptureFixture[str]) -> Program:
    """The program in the folder where the job ran."""
    return Program(ran[0], capsys)


def listed(after: Program, *more: str) -> list[dict[str, Any]]:
    """What `findings --json` says."""
    return list(after("findings", "--json", *more).json())


def today(settings: Settings) -> str:
    """The day's date in the configured zone."""
    return datetime.now(ZoneInfo(settings.timezone)).date().isoformat()


def test_a_run_prints_one_document_and_nothing_else(ran: tuple[Path, Settings, Ended]) -> None:
    ended = ran[2]
    assert (ended.code, ended.err) == (0, "")
    document = ended.json()
    assert set(document) == {"verdict", "run_id", "statement", "findings", "report", "problems", "delivered"}
    assert document["verdict"] == document["statement"]["verdict"] == "findings"
    assert isinstance(document["run_id"], str)
    assert document["problems"] == []


def test_the_report_is_where_the_run_says(ran: tuple[Path, Settings, Ended]) -> None:
    files = ran[2].json()["report"]
    assert "<!doctype html>" in Path(files["html"]).read_text(encoding="utf-8")
    report = json.loads(Path(files["json"]).read_text(encoding="utf-8"))
    assert report["statement"] == ran[2].json()["statement"]["providers"]
    assert {path.suffix for path in Path(files["html"]).parent.iterdir()} == {".html", ".json"}


def test_findings_are_the_contracts_objects_oldest_first(after: Program) -> None:
    rows = listed(after)
    assert rows
    assert all(set(row) == CONTRACT for row in rows)
    assert [row["first_seen_at"] for row in rows] == sorted(row["first_seen_at"] for row in rows)


def test_findings_can_be_asked_for_by_kind_status_and_time(after: Program) -> None:
    every = listed(after)
    of_kind = listed(after, "--kind", "duplicate_charge")
    assert of_kind == [row for row in every if row["kind"] == "duplicate_charge"]
    assert listed(after, "--status", "resolved") == []
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert listed(after, "--since", tomorrow) == []
    assert listed(after, "--since", "2020-01-01") == every


def test_findings_as_text_name_every_finding(after: Program) -> None:
    said = after("findings").out
    assert all(row["id"] in said for row in listed(after))


@pytest.mark.parametrize("command", ["run", "findings"])
def test_open_findings_end_with_1_only_when_asked(after: Program, command: str) -> None:
    assert after(command).code == 0
    assert after(command, "--fail-on-findings").code == 1


def test_findings_for_information_never_fail(after: Program) -> None:
    assert listed(after, "--kind", "unclaimed_order")
    assert after("findings", "--kind", "unclaimed_order", "--fail-on-findings").code == 0


def test_a_run_shows_the_identities_the_verdict_and_the_most_severe_findings(after: Program) -> None:
    said = after("run").out
    for part in ("DigiSeller, WMZ", "closes", "= received", "= at the end", "Money at stake", "Undelivered order"):
        assert part in said
    assert said.index("critical ") < said.index("info ")


def test_a_dry_run_stores_no_result_and_writes_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    caller = Program(tmp_path, capsys)
    with shop_at_work(tmp_path, 5) as (_scenario, settings):
        ended = caller("run", "--dry-run", "--json")
    assert ended.json()["run_id"] is None
    assert ended.json()["findings"]
    assert ended.json()["report"] == {"html": None, "json": None}
    assert not Path(settings.report.directory).exists()
    assert caller("findings", "--json").json() == []
    assert caller("status", "--json").json()["runs"] == []


def test_a_report_that_cannot_be_written_does_not_take_the_result_away(after: Program) -> None:
    blocked = after.folder / "blocked"
    blocked.write_text("a file where the folder should be")
    ended = after.process("run", "--json", RECONCILER_REPORT__DIRECTORY=str(blocked / "reports"))
    assert ended.code == 2
    assert ended.json()["verdict"] == "findings"
    assert "[report] directory" in ended.json()["problems"][-1]
    assert len(ended.lines) == 1


def test_explain_tells_the_whole_story(after: Program) -> None:
    mismatch = next(row for row in listed(after) if row["kind"] == "amount_mismatch")
    story = after("explain", mismatch["id"], "--json").json()
    assert {key: story["finding"][key] for key in CONTRACT} == mismatch
    assert [one["field"] for one in story["fields"] if one["differs"]] == ["amount"]
    assert story["records"]["transactions"][0]["rule"] == "reference"
    assert story["records"]["order"]["order_id"] == mismatch["order_id"]
    assert mismatch["transaction_ids"][0] in {raw["key"] for raw in story["records"]["raw_provider"]}
    assert story["records"]["raw_shop"][0]["body"]["order_id"] == mismatch["order_id"]
    assert [event["event"] for event in story["history"]] == ["opened"]


def test_explain_quotes_the_clause_and_says_what_may_be_refunded(after: Program) -> None:
    duplicate = next(row for row in listed(after) if row["kind"] == "duplicate_charge" and row["refundable_amount"])
    said = after("explain", duplicate["id"][:10]).out
    assert duplicate["explanation"].split(",")[0] in " ".join(said.split())
    assert "Policy 3.duplicate_charge" in said
    assert "Refundable" in said
    assert duplicate["refundable_amount"] in said.replace(",", "")


def test_every_kind_that_was_found_can_be_explained(after: Program) -> None:
    for row in {row["kind"]: row for row in listed(after)}.values():
        assert after("explain", row["id"]).code == 0
        assert row["kind"] in KINDS


def test_status_knows_the_run_the_feeds_and_what_is_open(after: Program) -> None:
    state = after("status", "--json").json()
    assert state["runs"][-1]["verdict"] == "findings"
    assert {"digiseller.sales", "tribute.sales", "shop.orders"} <= {feed["name"] for feed in state["feeds"]}
    assert all(feed["age_s"] >= 0 for feed in state["feeds"])
    assert state["findings"]["open"] == len(listed(after, "--status", "open"))
    assert state["queues"]["quarantine"] == len(after("quarantine", "list", "--json").json())
    said = after("status").out
    assert "digiseller.sales" in said
    assert "Undelivered order" in said


def test_quarantined_records_are_listed_with_reason_and_body(after: Program) -> None:
    rows = after("quarantine", "list", "--json").json()
    assert {row["provider"] for row in rows} == {"digiseller", "shop"}
    assert all(row["reason"] and row["body"] for row in rows)
    assert all(row["key"] in after("quarantine", "list").out for row in rows)


def test_a_retry_keeps_what_is_still_not_understood(after: Program) -> None:
    held = len(after("quarantine", "list", "--json").json())
    ended = after("quarantine", "retry", "--json")
    assert ended.code == 0
    assert ended.json() == {"released": 0, "kept": held, "problems": []}


@pytest.mark.parametrize("form", ["html", "json", "csv", "md", "xlsx"])
def test_the_days_report_comes_out_alike_every_time(after: Program, tmp_path: Path, form: str) -> None:
    bodies = []
    for name in ("one", "two"):
        assert after("report", "--format", form, "--out", str(tmp_path / name)).code == 0
        bodies.append((tmp_path / name).read_bytes())
    assert bodies[0] == bodies[1]
    assert bodies[0]


def test_a_report_goes_to_stdout_as_it_is(after: Program, ran: tuple[Path, Settings, Ended]) -> None:
    ended = after.process("report", "--json")
    assert ended.code == 0
    assert ended.json()["day"] == today(ran[1])
    assert after.process("report", "--date", today(ran[1]), "--format", "json").out == ended.out


def test_a_day_that_only_follows_a_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    caller = Program(tmp_path, capsys)
    with shop_at_work(tmp_path, 5) as (_scenario, settings):
        caller("run")
    engine = open_store(settings.database.url)
    earlier = datetime.now(UTC) - timedelta(days=3)
    with write(engine) as connection:
        said = connection.execute(sa.select(runs.c.statement)).scalar_one() | {"at": earlier.isoformat()}
        connection.execute(sa.update(runs).values(finished_at=earlier, statement=said))
    engine.dispose()
    assert caller("report", "--json").json()["stale"]
    assert caller("report", "--format", "md").out.count("No run finished on this day") == 1


def test_one_provider_alone_can_be_pulled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    caller = Program(tmp_path, capsys)
    with shop_at_work(tmp_path, 5) as (_scenario, settings):
        ended = caller("run", "--only", "tribute", "--since", "2020-01-01", "--json")
        engine = open_store(settings.database.url)
        with read(engine) as connection:
            seen = set(connection.execute(sa.text("SELECT DISTINCT provider FROM transactions")).scalars())
        engine.dispose()
    assert ended.code in {0, 2}
    assert seen == {"tribute"}


def test_a_provider_that_is_off_cannot_be_pulled_alone(program: Program) -> None:
    program.configure('[shop]\ndirectory = "exports"\n')
    ended = program("run", "--only", "tribute")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "tribute" in ended.err


def test_the_daemon_works_until_it_is_told_to_stop_and_logs_no_secret(tmp_path: Path) -> None:
    caller = Program(tmp_path, None)
    with (
        shop_at_work(tmp_path, 5) as (_scenario, settings),
        (tmp_path / "log").open("w") as target,
        subprocess.Popen(
            [*COMMAND, "daemon"], cwd=tmp_path, env=caller.environment(), stdout=subprocess.DEVNULL, stderr=target
        ) as running,
    ):
        logged = _until(tmp_path / "log", "verdict=findings", running)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert all(line.startswith("timestamp=") for line in logged.splitlines())
    assert settings.providers.digiseller.api_key.get_secret_value() not in logged
    assert settings.providers.tribute.api_key.get_secret_value() not in logged


def _until(path: Path, wanted: str, running: subprocess.Popen[bytes]) -> str:
    """A log once it holds what is waited for."""
    deadline = time.monotonic() + 60
    while wanted not in (said := path.read_text(encoding="utf-8")):
        assert running.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    return said
