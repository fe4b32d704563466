"""Keeps the users of the dashboard: made and disabled from the command line, each change in the audit."""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reconciler.access import ROLES, Role, check_name, check_password
from reconciler.errors import BadRecord
from reconciler.findings import iso
from reconciler.schema_users import api_tokens, users, web_sessions
from reconciler.store import audit

_HASHER = PasswordHasher()


def add_user(connection: sa.Connection, name: str, role: str, password: str, now: datetime) -> None:
    """Make a user. Raises BadRecord for a name that is taken, an unknown role or a weak password."""
    name = check_name(name)
    _check_role(role)
    if _row(connection, name) is not None:
        raise BadRecord(f"there is a user {name} already; a new password: `reconciler user password {name}`")
    check_password(password, name)
    connection.execute(sa.insert(users).values(name=name, role=role, password=_HASHER.hash(password), made_at=now))
    audit.record(connection, "user.added", name, audit.OPERATOR, now, {"role": role})


def set_password(connection: sa.Connection, name: str, password: str, now: datetime) -> None:
    """Give a user another password, enable them again, and end their sessions. Raises BadRecord."""
    row = _existing(connection, name)
    check_password(password, row.name)
    values = {"password": _HASHER.hash(password), "disabled_at": None}
    connection.execute(sa.update(users).where(users.c.name == row.name).values(values))
    _log_out(connection, row.name)
    audit.record(connection, "user.password", row.name, audit.OPERATOR, now, {"was_disabled": bool(row.disabled_at)})


def disable_user(connection: sa.Connection, name: str, now: datetime) -> None:
    """Let a user in no more: sessions end at once, tokens count no more. Raises BadRecord."""
    row = _existing(connection, name)
    if row.disabled_at is None:
        connection.execute(sa.update(users).where(users.c.name == row.name).values(disabled_at=now))
        _log_out(connection, row.name)
        audit.record(connection, "user.disabled", row.name, audit.OPERATOR, now, {})


def list_users(connection: sa.Connection) -> list[dict[str, Any]]:
    """Every user with their tokens, by name; no password and no token is in it."""
    tokens: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(sa.select(api_tokens).order_by(api_tokens.c.made_at, api_tokens.c.id)):
        times = {name: iso(getattr(row, name)) for name in ("made_at", "ends_at", "revoked_at")}
        tokens.setdefault(row.user_name, []).append({"id": row.id, "scopes": row.scopes, **times})
    return [
        {"name": row.name, "role": row.role, "made_at": iso(row.made_at), "disabled_at": iso(row.disabled_at),
         "tokens": tokens.get(row.name, [])}
        for row in connection.execute(sa.select(users).order_by(users.c.name))
    ]  # fmt: skip


def any_user(connection: sa.Connection) -> bool:
    """Whether anybody could come in: without a user the dashboard is closed."""
    return connection.execute(sa.select(users.c.name).where(users.c.disabled_at.is_(None)).limit(1)).first() is not None


def known(connection: sa.Connection, name: str) -> tuple[str, Role] | None:
    """Name and role of a user who is not disabled."""
    row = _row(connection, name.strip())
    return None if row is None or row.disabled_at is not None else (row.name, row.role)


def stored_hash(connection: sa.Connection, name: str) -> str | None:
    """The hash to check a password against; None for nobody, or somebody disabled."""
    row = _row(connection, name.strip())
    return None if row is None or row.disabled_at is not None else str(row.password)


def is_password(hashed: str | None, password: str) -> bool:
    """Whether a password is the one; it takes long on purpose, and as long for a user that is not there."""
    try:
        return _HASHER.verify(hashed or _nobody(), password[:1024]) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise BadRecord(f"role {role!r} is unknown: it is one of {', '.join(ROLES)}")


def _log_out(connection: sa.Connection, name: str) -> None:
    connection.execute(sa.delete(web_sessions).where(web_sessions.c.user_name == name))


def _row(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(users).where(users.c.name == name)).one_or_none()


def _existing(connection: sa.Connection, name: str) -> Any:
    row = _row(connection, name.strip())
    if row is None:
        raise BadRecord(f"there is no user {name}: `reconciler user list` shows who there is")
    return row
