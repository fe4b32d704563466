"""The `reconciler` command: reads the arguments, runs one command, and turns its end into an exit code and one line."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import typer

from reconciler.cli import failures
from reconciler.cli.session import Session


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) name; returns the exit code of contract 1."""
    session = Session()
    try:
        _speak_utf8()
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments), session)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return failures.CLOSED_PIPE
    except KeyboardInterrupt:
        return failures.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place that can turn an error into one line
        return _fail(error, session)
    return code


def _invoke(arguments: list[str], session: Session) -> int:
    from reconciler.cli.app import app

    command = typer.main.get_command(app)
    try:
        with command.make_context("reconciler", arguments, obj=session) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return failures.INTERRUPTED
    return failures.DONE


def _fail(error: Exception, session: Session) -> int:
    if session.debug:
        text = "".join(traceback.format_exception(error))
        print(session.hide(text), file=sys.stderr, end="")
    print(f"reconciler: {session.hide(failures.line(error))}", file=sys.stderr)
    return failures.code(error)


def _speak_utf8() -> None:
    """JSON and reports are UTF-8 wherever they go; a terminal that lacks a character gets its code instead.

    Where the caller has closed a stream, what is written there is dropped.
    """
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace", **({} if stream.isatty() else {"encoding": "utf-8"}))


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _drop_output() -> None:
    """Whoever read our output has left: let the interpreter's last flush go nowhere instead of failing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
