"""Exit codes (contract section 1), and the one line that a failure prints: what failed, why, what to do."""

import errno
from typing import Any

from reconciler.errors import ReconcilerError

DONE = 0
FOUND = 1
UNRELIABLE = 2
WRONG_USAGE = 64
INTERRUPTED = 130
CLOSED_PIPE = 141


class WrongUsage(ReconcilerError):
    """The command was given something that it cannot take; nothing was done."""


def code(error: Exception) -> int:
    """The exit code for an error that ended a command."""
    return WRONG_USAGE if isinstance(error, WrongUsage) or _is_usage(error) else UNRELIABLE


def line(error: Exception) -> str:
    """The error as one line for a person, without a traceback and without SQL."""
    return _one_line(_text(error))


def _text(error: Exception) -> str:
    if isinstance(error, ReconcilerError):
        return str(error)
    if _is_usage(error):
        return _usage(error)
    original = getattr(error, "orig", None)
    if original is not None and type(error).__module__.startswith("sqlalchemy."):
        reason = str(original).strip().splitlines()[0]
        return f"the database failed ({reason}); nothing half-done was kept, try again when it is well"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        return f"{place}{error.strerror}; {'make room and try again' if full else 'check that it may be used'}"
    return f"unexpected {type(error).__name__}: {error}; run it again with --debug and report what it prints"


def _is_usage(error: Exception) -> bool:
    """Whether the argument parser refused the command line; its exceptions share no public class."""
    return getattr(error, "exit_code", None) is not None and hasattr(error, "format_message")


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    joint = "" if message.endswith("?") else ";"
    return f"{message}{joint} see `{context.command_path if context else 'reconciler'} --help`"


def _one_line(text: str) -> str:
    lines = [" ".join(part.split()) for part in text.splitlines() if part.strip()]
    joined = " ".join(f"{part};" if part[-1] not in ".:;" else part for part in lines)
    return joined.removesuffix(";")
