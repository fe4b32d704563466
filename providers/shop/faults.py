"""Faults of the shop's database told apart: passing ones, and those that a person has to mend."""

import re
import sqlite3

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import OperationalError as SaOperationalError

from reconciler.errors import NeedsOperator, Retryable

_SQLITE_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_PROTOCOL", "SQLITE_SCHEMA", "SQLITE_NOMEM")
_STATES_PASSING = ("08", "40", "53", "57", "55P03", "58")  # PostgreSQL: connection, serialization, resources, shutdown
_LASTING = re.compile(
    r"password|authenticat|access denied|denied|login failed|does not exist|doesn't exist|unknown database|unknown "
    r"column|no such|not a database|malformed|pg_hba|unable to open|readonly|syntax|no module|invalid",
    re.IGNORECASE,
)
_ADVICE = (
    (
        r"password|authenticat|login failed|access denied for user|pg_hba|role .* does not exist",
        "check user and password in [shop] url",
    ),
    (r"denied", "grant this user SELECT on the shop's tables (GRANT SELECT), nothing more"),
    (r"database .* does not exist|unknown database|unable to open|not a database|malformed", "check [shop] url"),
    (r"does not exist|doesn't exist|no such|unknown column|syntax", "check the table, or the query for it in [shop]"),
)


def place(url: URL) -> str:
    """Where the ledger is, for messages: kind of database, host and name, never user or password."""
    name = url.database or ""
    where = f"{url.host}/{name}" if url.host else name
    return f"{url.get_backend_name()} {where}".strip()


def translate(error: Exception, url: URL) -> NeedsOperator | Retryable:
    """The error as one line for a person, of the kind that says whether trying again can help."""
    text = _line(error, url)
    if isinstance(error, NoSuchModuleError | ModuleNotFoundError):
        extra = "; for PostgreSQL install payment-reconciler[postgres]" if "psycopg" in text else ""
        return NeedsOperator(f"the shop's database has no driver here ({text}): install it{extra}")
    if _passing(error, text):
        return Retryable(f"the shop's database ({place(url)}) cannot be read now: {text}; check that it is up")
    return NeedsOperator(f"the shop's database ({place(url)}) cannot be read: {text}; {_advice(text)}")


def _passing(error: Exception, text: str) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        return name.startswith(_SQLITE_PASSING)
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if isinstance(state, str) and state:
        return state.startswith(_STATES_PASSING)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, SaOperationalError | OSError) and not _LASTING.search(text)


def _advice(text: str) -> str:
    for pattern, advice in _ADVICE:
        if re.search(pattern, text, re.IGNORECASE):
            return advice
    return "check [shop] url and the queries in [shop]"


def _line(error: Exception, url: URL) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = " ".join(str(cause).split()) or type(error).__name__
    secrets = [url.password, *(value for key, value in url.query.items() if "pass" in key.lower())]
    for secret in secrets:
        if secret and isinstance(secret, str):
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text[:300]


__all__ = ["SQLAlchemyError", "place", "translate"]
