"""The command line as such: names, exit codes, one line for every failure."""

import os
import signal
import socket
import subprocess
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.cli import failures
from reconciler.report.texts import KINDS
from tests.cli_world import COMMAND, MINIMAL, Program, _logs_as_before, program

__all__ = ["_logs_as_before", "program"]

DELIVERED = {
    "alerts", "erase",
    "init", "doctor", "run", "daemon", "demo", "findings", "match", "explain", "report", "status", "quarantine",
    "refund", "outbox", "audit", "webhooks", "import", "cases", "review", "chargeback", "outage", "policy",
    "user",
}  # fmt: skip


def test_the_installed_command_is_main() -> None:
    (script,) = entry_points(group="console_scripts", name="reconciler")
    assert script.value == "reconciler.cli:main"


def test_help_lists_the_commands_of_this_delivery_and_no_others(program: Program) -> None:
    ended = program("--help")
    listed = {line.split()[1] for line in ended.out.splitlines() if line.startswith("│ ") and line[2] != " "}
    assert ended.code == 0
    assert {name for name in listed if not name.startswith("-")} == DELIVERED


def test_version_is_the_packages(program: Program) -> None:
    assert program("--version").out == f"reconciler {__version__}\n"


def test_help_loads_no_heavy_library() -> None:
    code = "import sys\nfrom reconciler.cli import main\nmain(['--help'])\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, check=True)
    for name in (
        "sqlalchemy",
        "httpx",
        "pandas",
        "jinja2",
        "xlsxwriter",
        "structlog",
        "apscheduler",
        "pydantic",
        "duckdb",
    ):
        assert f"'{name}'" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nothing-of-ours",),
        ("run", "--no-such-option"),
        ("run", "surplus"),
        ("run", "--since"),
        ("run", "--since", "yesterday"),
        ("run", "--since", "2026-02-30"),
        ("run", "--since", "2026-01-02", "--until", "2026-01-01"),
        ("run", "--since", "2999-01-01"),
        ("run", "--only", "paypal"),
        ("findings", "--kind", "doubled"),
        ("findings", "--status", "closed"),
        ("findings", "--since", "13:00"),
        ("explain",),
        ("explain", ""),
        ("explain", "0123456789abcdef"),
        ("report", "--date", "22.11.2026"),
        ("report", "--date", "2999-01-01"),
        ("report", "--date", "2020-01-01"),
        ("report", "--format", "pdf"),
        ("quarantine",),
        ("refund", "record", "--provider", "digiseller"),
        ("demo", "--days", "0"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_64_and_one_line(program: Program, arguments: tuple[str, ...]) -> None:
    program.configure(MINIMAL)
    ended = program(*arguments)
    assert (ended.code, ended.out) == (64, "")
    assert len(ended.lines) == 1
    assert ended.err.startswith("reconciler: ")


def test_an_unknown_kind_is_answered_with_the_known_ones(program: Program) -> None:
    ended = program("findings", "--kind", "doubled")
    assert all(kind in ended.err for kind in KINDS)


def test_whoever_stops_reading_gets_no_complaint(program: Program) -> None:
    program.configure(MINIMAL)
    with subprocess.Popen(
        [*COMMAND, "status", "--json"],
        cwd=program.folder,
        env=program.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.wait(30) == failures.CLOSED_PIPE
        assert running.stderr is not None
        assert running.stderr.read() == b""


def test_ctrl_c_ends_a_run_at_once_and_quietly(program: Program, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        program.configure(MINIMAL.replace(":9/", f":{silent.getsockname()[1]}/"))
        with subprocess.Popen(
            [*COMMAND, "run"],
            cwd=program.folder,
            env=program.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            silent.settimeout(30)
            connection, _ = silent.accept()  # the program waits for this answer now
            started = time.monotonic()
            os.kill(running.pid, signal.SIGINT)
            out, err = running.communicate(timeout=20)
            connection.close()
    assert running.returncode == 130
    assert (out, err) == (b"", b"")
    assert time.monotonic() - started < 10


def test_an_unexpected_error_is_one_line_and_a_traceback_only_when_asked(program: Program) -> None:
    program.configure(MINIMAL)
    (program.folder / "var").mkdir()
    (program.folder / "var" / "reconciler.db").mkdir()  # a folder where the database should be
    plain, debugged = program("status"), program("--debug", "status")
    assert (plain.code, debugged.code) == (2, 2)
    assert len(plain.lines) == 1
    assert "Traceback" in debugged.err
    assert debugged.lines[-1] == plain.lines[0]


@pytest.mark.parametrize(
    ("command", "named"),
    [("import", "[import]"), ("policy try", "[policy]"), ("webhooks send-test", "[web]")],
)
def test_help_names_sections_of_the_configuration_and_takes_them_for_no_markup(
    program: Program, command: str, named: str
) -> None:
    assert named in program(*command.split(), "--help").out
