"""`init` and `doctor`: the configuration that is written, and what is said about it."""

import os
import pty
import select
import stat
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler import config
from reconciler.cli.starter import Answers, text
from reconciler.settings import Settings
from tests.cli_world import COMMAND, MINIMAL, SECRET, Program, _logs_as_before, program, shop_at_work

__all__ = ["_logs_as_before", "program"]


def dotted(table: dict[str, Any], above: str = "") -> Iterator[str]:
    """The names of a file's keys as `known_keys` writes them."""
    known = set(config.known_keys())
    for name, value in table.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and path not in known:
            yield from dotted(value, f"{path}.")
        else:
            yield path


def test_the_written_file_holds_every_key(program: Program) -> None:
    assert program("init").code == 0
    written = tomllib.loads((program.folder / "config.toml").read_text(encoding="utf-8"))
    assert set(dotted(written)) == set(config.known_keys())


def test_the_written_file_loads_and_says_the_defaults(program: Program) -> None:
    program("init")
    loaded = config.load(program.folder / "config.toml", {})
    assert loaded.model_dump(exclude={"providers"}) == Settings().model_dump(exclude={"providers"})
    for provider in (loaded.providers.digiseller, loaded.providers.tribute):
        assert provider.model_dump(exclude={"enabled"}) == type(provider)().model_dump(exclude={"enabled"})
        assert not provider.enabled


def test_what_is_written_is_for_the_owner_alone(program: Program) -> None:
    program("init")
    assert stat.S_IMODE((program.folder / "config.toml").stat().st_mode) == 0o600


def test_what_has_to_be_filled_in_is_said(program: Program) -> None:
    said = program("init").out
    for name in ("[providers.digiseller]", "[providers.tribute]", "[shop]", "reconciler doctor"):
        assert name in said


def test_a_file_that_is_there_is_never_overwritten(program: Program) -> None:
    program.configure("# mine\n")
    ended = program("init")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert (program.folder / "config.toml").read_text() == "# mine\n"


def test_not_even_a_link_to_nowhere_is_followed(program: Program) -> None:
    (program.folder / "config.toml").symlink_to(program.folder / "elsewhere.toml")
    assert program("init").code == 2
    assert not (program.folder / "elsewhere.toml").exists()


def test_another_place_can_be_named(program: Program) -> None:
    assert program("init", "--path", "mine.toml").code == 0
    assert (program.folder / "mine.toml").is_file()


def test_answers_are_written_so_that_they_are_read_back(tmp_path: Path) -> None:
    answers = Answers("UTC", 7, 'key "quoted" \\ back', "pass$word", "tribute-key", "sqlite:////srv/shop.db")
    (tmp_path / "config.toml").write_text(text(answers), encoding="utf-8")
    loaded = config.load(tmp_path / "config.toml", {})
    assert loaded.timezone == "UTC"
    assert loaded.providers.digiseller.enabled
    assert loaded.providers.digiseller.seller_id == 7
    assert loaded.providers.digiseller.api_key.get_secret_value() == 'key "quoted" \\ back'
    assert loaded.providers.digiseller.notification_password.get_secret_value() == "pass$word"
    assert loaded.providers.tribute.enabled
    assert loaded.shop.url.get_secret_value() == "sqlite:////srv/shop.db"
    assert list(answers.missing()) == []


def test_on_a_terminal_it_asks_and_does_not_echo_keys(program: Program) -> None:
    ours, theirs = pty.openpty()
    dialogue = {
        b"Zone": "", b"seller id": "42", b"API key": SECRET, b"notices": "", b"Tribute": "", b"database": "",
    }  # fmt: skip
    running = subprocess.Popen(
        [*COMMAND, "init"], cwd=program.folder, env=program.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        said = b""
        for question, answer in dialogue.items():
            said = _until(ours, question, said)
            os.write(ours, answer.encode() + b"\n")
        said += _rest(ours)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    loaded = config.load(program.folder / "config.toml", {})
    assert loaded.providers.digiseller.seller_id == 42
    assert loaded.providers.digiseller.api_key.get_secret_value() == SECRET
    assert SECRET.encode() not in said


def test_doctor_names_each_fault_and_what_to_do(program: Program) -> None:
    program.configure("")
    ended = program("doctor", "--json")
    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert ended.code == 2
    assert not ended.json()["ok"]
    assert checks["configuration"]["state"] == "ok"
    assert checks["database"]["state"] == "ok"
    assert checks["providers"]["state"] == "failed"
    assert checks["providers"]["advice"]
    assert len(ended.lines) == 1


def test_doctor_reports_a_bad_configuration_as_a_failed_check(program: Program) -> None:
    program.configure("timezone = 7")
    ended = program("doctor", "--json")
    assert ended.code == 2
    assert [check["name"] for check in ended.json()["checks"]] == ["configuration"]


def test_doctor_goes_on_when_the_database_is_down(program: Program) -> None:
    url = "postgresql+psycopg://reader@127.0.0.1:9/books"
    program.configure(f'{MINIMAL}\n[database]\nurl = "{url}"\n')
    checks = program("doctor", "--json").json()["checks"]
    assert next(check for check in checks if check["name"] == "database")["state"] == "failed"
    assert {"disk", "alerts"} <= {check["name"] for check in checks}


def test_doctor_is_content_with_a_shop_that_works(program: Program) -> None:
    with shop_at_work(program.folder):
        ended = program("doctor")
    assert ended.code == 0, ended
    assert "failed" not in ended.out


def _rest(terminal: int) -> bytes:
    """What the program writes until it ends."""
    said = b""
    try:
        while part := os.read(terminal, 4096):
            said += part
    except OSError:  # how Linux says that the other end of a terminal is closed
        pass
    return said


def _until(terminal: int, wanted: bytes, said: bytes) -> bytes:
    """What the program has written once `wanted` stands in the part that is new."""
    seen, deadline = len(said), time.monotonic() + 30
    while wanted not in said[seen:]:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 4096)
    time.sleep(0.1)  # a prompt for a secret turns the echo off just before it is printed, but let it settle
    return said
