"""`init` and `doctor`: from an empty folder to a configuration that works."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import failures, session
from reconciler.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import RenderableType

    from providers.base import Check
    from reconciler.settings import Settings

DEFAULT = Path("config.toml")


def init(
    context: typer.Context,
    path: Annotated[Path | None, typer.Option(metavar="PATH", help="Where to; default: ./config.toml.")] = None,
) -> None:
    """Write a commented configuration; asks for what has no default, and never overwrites."""
    from reconciler.cli import screen, starter

    target = path or session.of(context).config or DEFAULT
    if target.exists() or target.is_symlink():
        raise starter.already_there(target)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    answers = starter.ask() if interactive else starter.Answers()
    starter.write(target, starter.text(answers))
    screen.show(screen.text(f"Wrote {target}, readable for you alone."))
    for line in answers.missing():
        screen.show(f"  fill in {line}")
    screen.show("Then check it with `reconciler doctor`, and start with `reconciler run`.")


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check everything that the work depends on, and say what to do about each fault."""
    from reconciler.cli import screen

    found = []
    with screen.progress("checking"):
        for check in _checks(session.of(context)):
            found.append(check)
            if not as_json:
                screen.show(*_lines(check))
    if as_json:
        screen.emit({"ok": not _failed(found), "checks": [asdict(check) for check in found]})
    if failed := _failed(found):
        screen.warn(f"{len(failed)} of {len(found)} checks failed: {', '.join(check.name for check in failed)}")
        raise typer.Exit(failures.UNRELIABLE)


def _checks(started: session.Session) -> "Iterator[Check]":
    from providers.base import Check
    from reconciler.errors import ConfigError

    try:
        settings = started.settings()
    except ConfigError as error:
        yield Check("configuration", "failed", started.hide(str(error)), "correct it, then run doctor again")
        return
    yield Check("configuration", "ok", "every key is known and every value is possible")
    yield from _all(started, settings)


def _all(started: session.Session, settings: "Settings") -> "Iterator[Check]":
    from jobs.doctor import checks
    from providers.base import Check
    from reconciler.errors import ReconcilerError

    try:
        with session.store(settings) as engine:
            yield from checks(settings, engine)
    except ReconcilerError as error:
        yield Check("database", "failed", started.hide(str(error)), "correct [database] url or start the server")
        yield from checks(settings, None)


def _lines(check: "Check") -> "Iterator[RenderableType]":
    from rich.text import Text

    from reconciler.cli import screen

    style = screen.STYLES.get(check.state, "yellow")
    yield Text.assemble((f"{check.state:<8}", style), " ", screen.text(f"{check.name}: {check.message}"))
    if check.advice and check.state != "ok":
        yield screen.indented(screen.text(check.advice, "dim"), 9)


def _failed(found: "Iterable[Check]") -> "list[Check]":
    return [check for check in found if check.state == "failed"]
