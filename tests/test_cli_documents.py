"""What the documents say is checked: commands, options, kinds, keys with their defaults, exit codes, links."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel, SecretStr

from reconciler.cli import failures
from reconciler.cli.app import app
from reconciler.config_keys import all_keys
from reconciler.report.texts import KINDS
from reconciler.settings import DigiSellerSettings, Providers, Settings, TributeSettings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS: Any = typer.main.get_command(app)


def written(path: str) -> str:
    """A document's text."""
    return (ROOT / path).read_text(encoding="utf-8")


def calls(text: str) -> list[list[str]]:
    """The words of every call of the program that a document shows in code."""
    code = re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    lines = [line.split("#")[0].replace("'", " ") for part in code for line in part.splitlines()]
    found = (re.search(r"(?:^|bin/|&& )reconciler ((?!COMMAND).+)", line.strip()) for line in lines)
    return [match.group(1).split() for match in found if match]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_in_a_document_exists(path: Path) -> None:
    for words in calls(path.read_text(encoding="utf-8")):
        command, rest = COMMANDS, words
        while hasattr(command, "commands") and not rest[0].startswith("-"):
            command, rest = command.commands[rest[0]], rest[1:]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, words


def test_calls_are_found_in_the_documents() -> None:
    assert ["doctor"] in calls(written("README.md"))
    assert len([words for path in DOCUMENTS for words in calls(path.read_text(encoding="utf-8"))]) > 20


def test_the_readme_shows_every_command() -> None:
    text = written("README.md")
    for name, command in COMMANDS.commands.items():
        expected = "make run" if name == "demo" else f"reconciler {name}"
        assert expected in text, command


def test_the_readme_and_the_guide_know_every_kind_of_finding() -> None:
    table = written("README.md").partition("## What it finds")[2].partition("## Exit codes")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) == set(KINDS)
    assert re.findall(r"^### `([a-z_]+)`$", written("docs/findings.md"), re.MULTILINE) == list(KINDS)


def test_the_readme_names_every_exit_code() -> None:
    table = written("README.md").partition("## Exit codes")[2]
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert named == {
        failures.DONE, failures.FOUND, failures.UNRELIABLE, failures.WRONG_USAGE, failures.INTERRUPTED,
    }  # fmt: skip


def test_the_configuration_page_has_every_key_with_its_default() -> None:
    said: dict[tuple[str, ...], Any] = {}
    section: tuple[str, ...] = ()
    for line in written("docs/configuration.md").splitlines():
        if heading := re.fullmatch(r"## `\[(.+)\]`", line):
            section = tuple(heading.group(1).split("."))
        if row := re.fullmatch(r"\| `(\w+)` \| `(.*)` \| .*\|", line):
            said[(*section, row.group(1))] = tomllib.loads(f"x = {row.group(2)}")["x"]
    present = Settings(providers=Providers(digiseller=DigiSellerSettings(), tribute=TributeSettings()))
    assert said == {path: default(present, path) for path in all_keys()}


def default(settings: BaseModel, path: tuple[str, ...]) -> Any:
    """A setting's default in the form that the file has."""
    value: Any = settings
    for part in path:
        names = {info.alias or name: name for name, info in type(value).model_fields.items()}
        value = getattr(value, names[part])
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target
