"""What a failure looks like: exit code 2, one line that says what to do, and no secret in it."""

import logging
import socket
import subprocess
from pathlib import Path

import pytest

from providers.simulators.digiseller import DigiSellerSimulator
from reconciler import log
from reconciler.cli import failures, screen, tables
from reconciler.errors import ConfigError
from tests.cli_world import COMMAND, MINIMAL, SECRET, Program, _logs_as_before, program
from tests.report_samples import finding

__all__ = ["_logs_as_before", "program"]


def unreliable(program: Program, *arguments: str, **environment: str) -> str:
    """The one line of a command that could not run reliably."""
    ended = program.process(*arguments, **environment)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.lines) == 1
    return ended.err


def test_without_a_configuration_the_line_names_init(program: Program) -> None:
    assert "reconciler init" in unreliable(program, "run")


def test_a_configuration_that_is_no_toml_is_one_line(program: Program) -> None:
    program.configure("this is = = no toml")
    assert "config.toml" in unreliable(program, "run")


def test_an_unknown_key_is_answered_with_the_nearest_one(program: Program) -> None:
    program.configure("[policy]\ngrace_minuts = 5\n")
    assert "grace_minutes" in unreliable(program, "status")


def test_several_wrong_settings_still_make_one_line(program: Program) -> None:
    program.configure("[policy]\ngrace_minuts = 5\n[report]\nlanguages = ['xx']\n")
    line = unreliable(program, "status")
    assert "grace_minuts" in line
    assert "languages" in line


def test_an_unknown_variable_is_an_error_too(program: Program) -> None:
    program.configure(MINIMAL)
    assert "RECONCILER_POLICY__GRACE_MINUTES" in unreliable(program, "status", RECONCILER_POLICY__GRACE_MINUTS="5")


def test_a_named_configuration_that_is_not_there(program: Program) -> None:
    assert "elsewhere.toml" in unreliable(program, "--config", "elsewhere.toml", "status")
    assert "elsewhere.toml" in unreliable(program, "status", RECONCILER_CONFIG="elsewhere.toml")


def test_a_database_that_nobody_runs_is_named_without_its_password(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql+psycopg://reader:{SECRET}@127.0.0.1:{port}/books"
    program.configure(f'{MINIMAL}\n[database]\nurl = "{url}"\n')
    line = unreliable(program, "status")
    assert "[database] url" in line
    assert SECRET not in line


def test_a_provider_that_refuses_us_leaves_an_incomplete_result(program: Program) -> None:
    with DigiSellerSimulator() as digiseller:
        (program.folder / "exports").mkdir()
        program.configure(MINIMAL.replace("http://127.0.0.1:9/", digiseller.base_url))
        ended = program.process("--debug", "run", "--json")
    assert ended.code == 2
    assert ended.json()["verdict"] == "incomplete"
    assert ended.json()["problems"]
    assert ended.lines[-1].startswith("reconciler: incomplete: ")
    assert SECRET not in ended.err + ended.out


def test_secrets_are_hidden_wherever_they_stand() -> None:
    hide = log.Redactor(["longer-secret-key", "secret-key"])
    assert hide("a longer-secret-key, a secret-key") == "a ***, a ***"
    assert hide("https://x.example/?token=abc&page=2") == "https://x.example/?token=***&page=2"
    assert hide("postgresql://reader:word@host/db") == "postgresql://reader:***@host/db"


def test_a_logged_secret_is_hidden_also_in_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(log.Redactor([SECRET]), logging.INFO)
    try:
        raise ConfigError(f"with {SECRET} inside")
    except ConfigError:
        logging.getLogger("somebody").exception("it failed with %s", SECRET)
    said = capsys.readouterr().err
    assert "it failed with ***" in said
    assert SECRET not in said


def test_the_http_library_stays_quiet_about_urls(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(log.Redactor(), logging.DEBUG)
    logging.getLogger("httpx").info("GET https://x.example/?token=abc")
    assert capsys.readouterr().err == ""


def test_a_message_of_several_lines_becomes_one() -> None:
    assert failures.line(ConfigError("two are wrong\n  first\n  second.\n")) == "two are wrong; first; second."


def test_a_full_disk_is_said_as_such() -> None:
    error = OSError(28, "No space left on device", "var/report.html")
    assert failures.line(error) == "var/report.html: No space left on device; make room and try again"


def test_output_that_cannot_be_written_is_one_line(program: Program) -> None:
    program.configure(MINIMAL)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "status"],
            cwd=program.folder,
            env=program.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_others_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07 [bold red]markup[/] :smile: \u202ebackwards\nnext"
    row = finding(explanation=hostile, kind=hostile, amount=None)
    screen.show(*tables.findings([row]))
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
    assert "[bold red]markup[/] :smile:" in said


def test_a_folder_that_cannot_be_written_for_init(program: Program) -> None:
    line = unreliable(program, "init", "--path", str(Path("nowhere") / "config.toml"))
    assert "--path" in line
