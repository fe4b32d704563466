"""The main job end to end, as real processes over real HTTP: killed, starved and lied to, it ends up the same."""

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli_world import _logs_as_before
from tests.main_job import Stage, left_behind, staged

__all__ = ["_logs_as_before"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One world for all tests of this module; each uses a store of its own."""
    with staged(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
def undisturbed(stage: Stage) -> dict[str, Any]:
    """What a healthy run leaves behind."""
    url = stage.url("undisturbed")
    done = stage.run(url)
    assert done.returncode == 0, done.stderr
    return left_behind(url)


def found(output: str) -> set[tuple[str, str | None, tuple[str, ...], str | None]]:
    """The findings of a run's JSON."""
    rows = json.loads(output)["findings"]
    return {(row["kind"], row["reason"], tuple(row["transaction_ids"]), row["order_id"]) for row in rows}


def kill_at_random(stage: Stage, url: str, times: int, pick: random.Random) -> int:
    """Start a run so many times and kill each after a random while; returns how many were killed at work."""
    killed = 0
    for _ in range(times):
        process = stage.start(url, "run", "--json")
        time.sleep(pick.uniform(0.3, 3.0))
        if process.poll() is None:
            process.kill()
            killed += 1
        process.communicate()
    return killed


def test_a_second_run_changes_nothing(stage: Stage, undisturbed: dict[str, Any]) -> None:
    url = stage.url("twice")
    stage.call(url)
    assert stage.call(url).returncode == 0
    assert left_behind(url) == undisturbed


def test_killed_at_random_points_it_ends_as_if_undisturbed(stage: Stage, undisturbed: dict[str, Any]) -> None:
    url = stage.url("killed")
    assert kill_at_random(stage, url, 5, random.Random(7)) > 0
    done = stage.run(url)
    assert done.returncode == 0, done.stderr
    assert left_behind(url) == undisturbed


@pytest.mark.long
@pytest.mark.parametrize("group", range(5))
def test_fifty_kills_change_nothing(stage: Stage, undisturbed: dict[str, Any], group: int) -> None:
    url = stage.url(f"killed-{group}")
    assert kill_at_random(stage, url, 10, random.Random(group)) > 0
    assert stage.run(url).returncode == 0
    assert left_behind(url) == undisturbed


FAULTS: dict[str, Callable[[Stage], None]] = {
    "a maintenance page": lambda stage: stage.digiseller.fault("/api/seller-sells", "html", 100),
    "a cut body": lambda stage: stage.digiseller.fault("/api/seller-sells", "cut", 100),
    "single looks that fail": lambda stage: stage.digiseller.fault("/api/purchase", "reset", 100_000),
    "no Tribute": lambda stage: stage.tribute.fault("/", "reset", 100_000),
    "transactions that fail": lambda stage: stage.tribute.fault("/api/v1/shop/orders/", "status", 100_000),
}


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_the_findings_are_those_of_a_healthy_pull(
    stage: Stage, undisturbed: dict[str, Any], name: str
) -> None:
    url = stage.url(name.replace(" ", "-"))
    FAULTS[name](stage)
    try:
        faulty = stage.call(url)
    finally:
        stage.digiseller.clear_faults()
        stage.tribute.clear_faults()
    assert faulty.returncode == 2
    assert json.loads(faulty.stdout)["verdict"] == "incomplete"
    rightly = {row[3]["order_id"] for row in undisturbed["findings"] if row[1] == "missing_charge"}
    concluded = {order_id for kind, _, _, order_id in found(faulty.stdout) if kind == "missing_charge"}
    assert concluded <= rightly, "absence is not concluded from an incomplete feed"
    healthy = stage.call(url)
    assert healthy.returncode == 0, healthy.stderr
    assert left_behind(url) == undisturbed


def test_a_wrong_key_is_one_line_and_the_other_provider_is_judged(stage: Stage) -> None:
    url = stage.url("wrong-key")
    done = stage.run(url, "run", "--json", RECONCILER_PROVIDERS__DIGISELLER__API_KEY="wrong")
    result = json.loads(done.stdout)
    assert done.returncode == 2
    assert result["verdict"] == "incomplete"
    assert any("api_key" in line for line in result["problems"])
    assert {row["provider"] for row in result["findings"]} >= {"tribute"}
    assert not {row["kind"] for row in result["findings"] if row["provider"] == "digiseller"} & {"missing_charge"}
    assert "Traceback" not in done.stderr


def test_an_unreachable_shop_concludes_nothing_about_deliveries(stage: Stage, tmp_path: Path) -> None:
    url = stage.url("no-shop")
    done = stage.run(url, "run", "--json", RECONCILER_SHOP__URL=f"sqlite:///{tmp_path}/nowhere.db")
    result = json.loads(done.stdout)
    assert done.returncode == 2
    assert result["verdict"] == "incomplete"
    assert not {row["kind"] for row in result["findings"]} & {"undelivered_order", "duplicate_charge", "missing_charge"}
    assert "Traceback" not in done.stderr


def test_a_dry_run_writes_no_findings_and_no_report(stage: Stage) -> None:
    url = stage.url("dry")
    done = stage.call(url, "run", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert found(done.stdout)
    assert left_behind(url)["findings"] == []


def test_every_planted_fault_is_found_by_the_command(stage: Stage) -> None:
    url = stage.url("planted")
    stage.push(url)
    done = stage.run(url, "run", "--json", "--fail-on-findings")
    assert done.returncode == 1
    planted = {(one.kind, one.reason, one.transaction_ids, one.order_id) for one in stage.scenario.expected}
    assert {(kind, ids, order) for kind, _, ids, order in found(done.stdout)} == {
        (kind, ids, order) for kind, _, ids, order in planted
    }
