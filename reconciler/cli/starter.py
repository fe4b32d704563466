"""The configuration that `init` writes: every key with its default and a plain word about it."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

import typer

from reconciler.errors import ConfigError

TEMPLATE = Path(__file__).with_name("starter.toml")


@dataclass(frozen=True, slots=True)
class Answers:
    """What has no default. A provider without its key is written as disabled."""

    timezone: str = "Europe/Moscow"
    seller_id: int = 0
    digiseller_key: str = ""
    digiseller_password: str = ""
    tribute_key: str = ""
    shop_url: str = ""

    def missing(self) -> Iterator[str]:
        """What is still to be filled in, line by line."""
        if not (self.seller_id and self.digiseller_key):
            yield "[providers.digiseller] seller_id and api_key, and set enabled = true, if you sell there"
        if not self.tribute_key:
            yield "[providers.tribute] api_key, and set enabled = true, if you sell there"
        if not self.shop_url:
            yield "[shop] url (or directory): where the shop's ledger is"


def ask() -> Answers:
    """Ask on the terminal for what has no default; an empty answer leaves it for later."""
    typer.echo("Leave anything empty to fill it in later.")
    timezone = _asked("Zone of reports and schedules", "Europe/Moscow")
    seller_id = _number("DigiSeller seller id")
    return Answers(
        timezone=timezone,
        seller_id=seller_id,
        digiseller_key=_secret("DigiSeller API key") if seller_id else "",
        digiseller_password=_secret("DigiSeller password of sale notices") if seller_id else "",
        tribute_key=_secret("Tribute API key"),
        shop_url=_asked("Shop's database (such as postgresql+psycopg://reader:password@host/shop)", ""),
    )


def text(answers: Answers) -> str:
    """The file's text."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        timezone=_quoted(answers.timezone),
        digiseller_enabled=_boolean(bool(answers.seller_id and answers.digiseller_key)),
        seller_id=answers.seller_id,
        digiseller_key=_quoted(answers.digiseller_key),
        digiseller_password=_quoted(answers.digiseller_password),
        tribute_enabled=_boolean(bool(answers.tribute_key)),
        tribute_key=_quoted(answers.tribute_key),
        shop_url=_quoted(answers.shop_url),
    )


def write(target: Path, content: str) -> None:
    """Create the file for its owner alone; raises ConfigError when it is there or cannot be made."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise already_there(target) from None
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}; name another place with --path") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)


def already_there(target: Path) -> ConfigError:
    """Nothing is ever overwritten."""
    return ConfigError(f"{target} is there already and was left as it is: move it away, or name another with --path")


def _asked(question: str, default: str) -> str:
    return str(typer.prompt(question, default=default, show_default=bool(default))).strip()


def _number(question: str) -> int:
    return int(typer.prompt(question, default=0, type=int, show_default=False))


def _secret(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False, hide_input=True)).strip()


def _quoted(value: str) -> str:
    """A TOML basic string; JSON's quoting is a part of TOML's, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _boolean(value: bool) -> str:
    return "true" if value else "false"
