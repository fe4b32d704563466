"""What goes to the terminal: JSON or text on stdout, progress on stderr, and nobody else's control characters."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from reconciler.report.shown import clean

__all__ = ["STYLES", "WIDTH", "beside", "clean", "emit", "indented", "progress", "show", "text", "warn"]

WIDTH = 120
"""Columns when the output goes to a file or a pipe."""

STYLES = {
    "critical": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "reconciled": "bold green",
    "findings": "bold yellow",
    "incomplete": "bold yellow",
    "does_not_close": "bold red",
    "ok": "green",
    "failed": "bold red",
}


class _Screen(Console):
    """A console that lets a closed pipe end the program in main()."""

    def on_broken_pipe(self) -> None:
        """Called inside the handling of BrokenPipeError."""
        raise  # noqa: PLE0704 - inside rich's except block


def emit(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show(*parts: RenderableType) -> None:
    """Print text and tables on stdout; plain strings are our own words, others' must come through `text`."""
    console = _console(sys.stdout)
    for part in parts:
        console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))


def beside(part: RenderableType) -> None:
    """Print a table on stderr, beside what the command was asked for."""
    _console(sys.stderr).print(part, markup=False, highlight=False)


def warn(line: str) -> None:
    """Print one line on stderr."""
    print(f"reconciler: {clean(line)}", file=sys.stderr)


def text(value: object, style: str = "") -> Text:
    """Text of others, harmless for a terminal."""
    return Text(clean(value), style=style)


def indented(part: RenderableType, columns: int, *, above: int = 0) -> Padding:
    """The part moved to the right, with empty lines above it."""
    return Padding(part, (above, 0, 0, columns), expand=False)


@contextmanager
def progress(first: str) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being done, on a terminal only; elsewhere it goes to the log at debug."""
    if not sys.stderr.isatty():
        yield _logged
        return
    console = _console(sys.stderr)
    with console.status(_Doing(first)) as status:
        yield lambda line: status.update(_Doing(line))


class _Doing:
    """What is being done, with its seconds once there are any: drawn anew as long as it lasts."""

    def __init__(self, line: str) -> None:
        """It begins now."""
        self._line, self._began = clean(line), time.monotonic()

    def __rich__(self) -> Text:
        """How it looks at this moment."""
        seconds = int(time.monotonic() - self._began)
        return Text(f"{self._line} ({seconds:,} s)" if seconds else self._line)


def _console(stream: Any) -> Console:
    return _Screen(file=stream, width=None if stream.isatty() else WIDTH, highlight=False, emoji=False)


def _logged(line: str) -> None:
    import structlog

    structlog.get_logger().debug(line)
