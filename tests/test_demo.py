"""`reconciler demo` finds exactly what was planted, over real HTTP, and touches nothing but its own folder."""

import json
import os
import signal
import subprocess
import sys
import threading
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from providers.simulators.scenario import Expected, build
from reconciler.cli import demo, demo_folder, demo_shown
from reconciler.errors import ConfigError
from reconciler.settings import Settings
from reconciler.store.engine import open_store
from tests.processes import interruptible

COMMAND = (sys.executable, "-c", "import sys; from reconciler.cli import main; sys.exit(main())")
ROOT = str(Path(__file__).resolve().parent.parent)
PLANTED = Expected("undelivered_order", "tribute", ("u-1",), None, "nobody noticed", "no_order")
FOUND: dict[str, Any] = {
    "kind": "undelivered_order",
    "status": "open",
    "reason": "no_order",
    "transaction_ids": ["u-1"],
    "order_id": None,
    "explanation": "paid, no order",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    place = tmp_path_factory.mktemp("demo")
    (place / "config.toml").write_text("this is no configuration at all")
    return _run(place, "demo", "--json"), place


def test_the_demo_finds_exactly_what_was_planted(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, _ = finished
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    planted = {_key(one) for one in told["planted"]}
    found = {_key(one) for one in told["findings"]}
    assert found == planted
    assert len(planted) == len(told["planted"]) == len(told["findings"])
    assert (told["exact"], told["verdict"], told["missing"], told["unexpected"]) == (True, "findings", [], [])


def test_the_demos_books_close_and_hold_every_charge(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, _ = finished
    books = json.loads(run.stdout)["statement"]["providers"]
    assert all(one["closes"] for one in books)
    assert {(one["provider"], one["currency"]) for one in books} == {
        *(("digiseller", unit) for unit in ("WMR", "WMZ", "WMT")),
        *(("tribute", unit) for unit in ("RUB", "USD", "EUR")),
    }
    assert sum(one["charges"]["received"]["count"] for one in books) > 400


def test_a_chargeback_waits_with_its_proposal_and_another_was_confirmed_and_carried_out(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    run, place = finished
    [command] = json.loads(run.stdout)["commands"]
    assert (command["type"], command["data"]["policy_clause"]) == ("account.suspend", "7")
    config = ("--config", f"{demo_folder.NAME}/config.toml")
    sent = json.loads(_run(place, *config, "outbox", "list", "--state", "sent", "--json").stdout)
    assert [one["body"] for one in sent if one["channel"] == "command"] == [command]
    cases = json.loads(_run(place, *config, "cases", "list", "--json").stdout)
    told = {one["status"]: one["proposals"] for one in cases if one["kind"] == "chargeback"}
    assert told["open"] == ["suspend", "forfeit", "ban"]
    assert command["data"]["case_id"] in {one["id"] for one in cases if one["status"] == "decided"}


def test_the_demo_alerts_a_simulated_chat_end_to_end(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, place = finished
    told = json.loads(run.stdout)["alerts"]
    assert 1 <= len(told) <= 5
    assert "At stake" in told[0]
    assert "<b>" not in told[0]
    listed = json.loads(_run(place, "--config", f"{demo_folder.NAME}/config.toml", "alerts", "list", "--json").stdout)
    sent = [one for alert in listed for one in alert["messages"] if one["state"] == "sent"]
    assert len(sent) == len(told)


def test_the_demo_writes_nothing_outside_its_folder(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, place = finished
    assert {entry.name for entry in place.iterdir()} == {"config.toml", demo_folder.NAME}
    told = json.loads(run.stdout)
    for name in ("config", "database", "report"):
        assert Path(told[name]).is_file()
        assert Path(told[name]).is_relative_to(place / demo_folder.NAME)


def test_the_demos_findings_can_be_listed_with_the_settings_it_leaves(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    run, place = finished
    told = json.loads(run.stdout)
    listed = _run(place, "--config", f"{demo_folder.NAME}/config.toml", "findings", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {one["id"] for one in json.loads(listed.stdout)} == {one["id"] for one in told["findings"]}


def test_the_demos_webhooks_can_be_looked_at(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, place = finished
    listed = _run(place, "--config", f"{demo_folder.NAME}/config.toml", "webhooks", "list", "--json")
    rows = json.loads(listed.stdout)
    assert {row["name"]: row["state"] for row in rows} == dict.fromkeys(
        ("new_digital_product", "digital_product_refunded", "new_donation", "new_subscription"), "done"
    )
    assert {row["deliveries"] for row in rows} == {1}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_seed_comes_out_exactly(seed: int, tmp_path: Path) -> None:
    scenario = build(datetime.now(UTC), days=20, charges=40, seed=seed)
    with demo.playing(scenario, tmp_path) as settings:
        engine = open_store(settings.database.url)
        result = demo.reconcile(scenario, settings, engine, lambda _line: None)
        engine.dispose()
    outcome = demo_shown.compare(scenario.expected, result.findings)
    assert outcome.exact, (outcome.missing, outcome.unexpected)
    assert result.verdict == "findings"


def test_a_second_run_finds_the_same_and_nothing_new(tmp_path: Path) -> None:
    scenario = build(datetime.now(UTC), days=14, charges=10, seed=5)
    with demo.playing(scenario, tmp_path) as settings:
        engine = open_store(settings.database.url)
        first = demo.reconcile(scenario, settings, engine, lambda _line: None)
        second = demo.run_once(settings, engine)
        engine.dispose()
    assert {one["id"] for one in second.findings} == {one["id"] for one in first.findings}
    assert (second.changes.opened, second.changes.resolved, second.changes.reopened) == ([], [], [])


def test_text_output_says_what_was_planted_and_where_things_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECONCILER_PROVIDERS__TRIBUTE__ENABLED", "false")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert demo.run_demo(14, 10, serve=False, as_json=False) == 0
    said = capsys.readouterr()
    assert "All 40 planted faults were found, and nothing else" in said.out
    assert "The books close" in said.out
    assert "Webhooks: 6 were taken in" in said.out
    assert f"reconciler --config {tmp_path}/reconciler-demo/config.toml findings" in said.out
    assert said.err == ""


def test_a_fault_that_is_not_found_ends_the_demo_with_1_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    world = build(datetime.now(UTC), days=14, charges=0, seed=1)
    changed = replace(world, expected=(*world.expected[1:], PLANTED))
    monkeypatch.setattr(demo, "build", lambda *_arguments: changed)
    assert demo.run_demo(14, 0, serve=False, as_json=False) == 1
    said = capsys.readouterr().out
    assert "planted and not found: undelivered_order u-1: nobody noticed" in said
    assert "found and not planted: duplicate_charge" in said


def test_what_was_found_as_planted_is_exact() -> None:
    outcome = demo_shown.compare([PLANTED], [FOUND])
    assert outcome.exact
    assert outcome.kinds == {"undelivered_order": {"planted": 1, "found": 1, "missing": 0, "unexpected": 0}}


@pytest.mark.parametrize(
    "changed",
    [{"kind": "unclaimed_order"}, {"reason": "not_fulfilled"}, {"transaction_ids": ["u-2"]}, {"order_id": "ORD-1"}],
)
def test_a_finding_that_differs_in_anything_is_missing_and_unexpected(changed: dict[str, Any]) -> None:
    outcome = demo_shown.compare([PLANTED], [FOUND | changed])
    assert outcome.missing == (PLANTED,)
    assert outcome.unexpected == (FOUND | changed,)


def test_the_same_finding_twice_is_one_too_many() -> None:
    outcome = demo_shown.compare([PLANTED], [FOUND, FOUND])
    assert (outcome.missing, outcome.unexpected) == ((), (FOUND,))


def test_a_resolved_finding_is_none() -> None:
    assert demo_shown.compare([PLANTED], [FOUND | {"status": "resolved"}]).missing == (PLANTED,)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / demo_folder.NAME
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="was not made by"), demo_folder.taken(folder):
        pytest.fail("the folder was taken")
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_a_link_to_another_folder_is_not_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    with demo_folder.taken(real):
        (real / "kept.txt").write_text("kept")
    (tmp_path / demo_folder.NAME).symlink_to(real)
    with pytest.raises(ConfigError, match="was not made by"), demo_folder.taken(tmp_path / demo_folder.NAME):
        pytest.fail("the link was followed")
    assert (real / "kept.txt").exists()


def test_the_demos_own_folder_is_emptied_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / demo_folder.NAME
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    with demo_folder.taken(folder):
        (folder / "reports").mkdir()
        (folder / "reports" / "old.html").write_text("old")
        (folder / "link").symlink_to(outside)
    with demo_folder.taken(folder):
        assert [entry.name for entry in folder.iterdir()] == [demo_folder.MARK]
    assert (outside / "kept.txt").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / demo_folder.NAME
    with (
        demo_folder.taken(folder),
        pytest.raises(ConfigError, match="another `reconciler demo` is at work"),
        demo_folder.taken(folder),
    ):
        pytest.fail("the folder was taken twice")


def test_a_fault_of_the_run_is_not_blamed_on_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk"), demo_folder.taken(tmp_path / demo_folder.NAME):
        raise OSError(28, "the disk is full")


def test_the_settings_left_behind_are_those_of_the_run(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" folder'
    folder.mkdir()
    with demo.playing(build(datetime.now(UTC), days=33, charges=0, seed=1), folder) as settings:
        written = tomllib.loads((folder / demo_folder.CONFIG).read_text(encoding="utf-8"))
    assert Settings.model_validate(written) == settings
    assert settings.schedule.initial_days == 33


def test_a_world_without_time_is_wrong_usage(tmp_path: Path) -> None:
    run = _run(tmp_path, "demo", "--days", "0")
    assert run.returncode == 64
    assert len(run.stderr.strip().splitlines()) == 1


def test_serving_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    arguments = (*COMMAND, "demo", "--days", "14", "--charges", "5", "--serve")
    with interruptible():
        served = subprocess.Popen(arguments, cwd=tmp_path, env=_disturbed(), stderr=subprocess.PIPE, text=True)
    with served:
        assert served.stderr is not None
        deadline = threading.Timer(90, served.kill)
        deadline.start()
        lines = []
        for line in served.stderr:
            lines.append(line)
            if "judged" in line:
                break
        served.send_signal(signal.SIGINT)
        lines += served.stderr.readlines()
        deadline.cancel()
    text = "".join(lines)
    assert served.returncode == 0, text
    assert "verdict=findings" in text
    assert "stopped" in text


def _run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = _disturbed() if "demo" in arguments else _environment()
    return subprocess.run(
        (*COMMAND, *arguments), cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ROOT}


def _disturbed() -> dict[str, str]:
    """Variables that would stop every command that reads a configuration."""
    return _environment() | {"RECONCILER_POLICY__GRACE_MINUTES": "nonsense", "RECONCILER_UNKNOWN": "1"}


def _key(one: dict[str, Any]) -> tuple[Any, ...]:
    reason = one["reason"] if one["kind"] == "undelivered_order" else None
    return one["kind"], reason, tuple(sorted(one["transaction_ids"])), one["order_id"]
