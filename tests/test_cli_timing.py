"""`run --debug` from outside: where the time of a run went; and what a terminal sees while a step is long."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import screen
from reconciler.timing import Timer, carried, step, timed
from tests.cli_world import Program, shop_at_work


def test_a_run_with_debug_says_where_its_time_went_beside_its_result(tmp_path: Path) -> None:
    caller = Program(tmp_path, None)  # type: ignore[arg-type]
    with shop_at_work(tmp_path) as _:
        told, quiet = caller.process("--debug", "run", "--json"), caller.process("run", "--json")
    assert (told.code, quiet.code, quiet.err) == (0, 0, "")
    assert told.json()["verdict"] == quiet.json()["verdict"]
    table = told.err[told.err.index("Seconds") :].splitlines()
    seconds = {" ".join(line.split()[:-2]): float(line.split()[-1]) for line in table if line[-1:].isdigit()}
    for name in (
        "pull",
        "digiseller.sales",
        "shop.orders",
        "write",
        "judge",
        "match",
        "tie",
        "detect",
        "write results",
    ):
        assert name in seconds, table
    assert seconds["judge"] >= seconds["match"] >= seconds["tie"]
    assert {"write findings", "cases", "deliver", "report"} <= set(seconds)


def test_steps_of_other_threads_are_part_of_the_step_that_began_them() -> None:
    with timed(Timer()) as timer, step("pull"):
        threads = [threading.Thread(target=carried(_work), args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {path: taken.times for path, taken in timer.steps.items()} == {
        ("pull",): 1,
        ("pull", "a"): 1,
        ("pull", "b"): 1,
    }


def _work(name: str) -> None:
    with step(name):
        pass


def test_nothing_is_measured_while_nobody_listens() -> None:
    heard: list[str] = []
    with timed(Timer(heard.append)):
        pass
    with step("alone"):
        pass
    assert heard == []


class Terminal(io.StringIO):
    """Somebody's terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize(("stream", "seen"), [(Terminal, True), (io.StringIO, False)])
def test_a_long_step_is_seen_with_its_seconds_on_a_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, stream: Any, seen: bool
) -> None:
    clock = iter(float(second) for second in range(10_000))
    there = stream()
    monkeypatch.setattr("sys.stderr", there)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with screen.progress("starting") as notify:
        notify("match \x1b[2J› tie")
    said = there.getvalue()
    assert ("› tie (" in said, " s)" in said) == (seen, seen)
    assert "\x1b[2J" not in said
