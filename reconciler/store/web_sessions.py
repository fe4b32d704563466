"""Keeps who is logged in. Of a session's id, which only the browser knows, the store has a hash."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from reconciler.schema_users import users, web_sessions
from reconciler.store import audit

IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)
"""How long a session lasts without a look at any page, and at all."""
TOUCH = timedelta(minutes=1)
"""How old the note of the last look may be: a write with each page would be too many."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in; `csrf` has to come with whatever they change."""

    name: str
    role: str
    csrf: str
    seen_at: datetime


def begin(connection: sa.Connection, name: str, now: datetime, *, address: str) -> str:
    """Log a user in; returns the new session's id. What has expired is taken out on the way."""
    connection.execute(sa.delete(web_sessions).where(_expired(now)))
    id_ = secrets.token_urlsafe(32)
    values = {"hash": _hash(id_), "user_name": name, "began_at": now, "seen_at": now}
    connection.execute(sa.insert(web_sessions).values(values))
    audit.record(connection, "user.login", name, name, now, {"address": address})
    return id_


def refused(connection: sa.Connection, name: str | None, now: datetime, *, address: str) -> None:
    """Note that a log-in failed. What was typed as a name is written down only if it is one: it may be a password."""
    audit.record(connection, "user.login_failed", name or "unknown", audit.PROGRAM, now, {"address": address})


def find(connection: sa.Connection, id_: str, now: datetime) -> Visitor | None:
    """Who has this session; None when it has ended or the user may not come in any more."""
    query = (
        sa.select(users.c.name, users.c.role, web_sessions.c.seen_at)
        .join(users, users.c.name == web_sessions.c.user_name)
        .where(web_sessions.c.hash == _hash(id_), users.c.disabled_at.is_(None), ~_expired(now))
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Visitor(row.name, row.role, csrf_token(id_), row.seen_at)


def touch(connection: sa.Connection, id_: str, now: datetime) -> None:
    """Note that somebody looked."""
    connection.execute(sa.update(web_sessions).where(web_sessions.c.hash == _hash(id_)).values(seen_at=now))


def end(connection: sa.Connection, id_: str, name: str, now: datetime) -> None:
    """Log out."""
    connection.execute(sa.delete(web_sessions).where(web_sessions.c.hash == _hash(id_)))
    audit.record(connection, "user.logout", name, name, now, {})


def csrf_token(id_: str) -> str:
    """What only somebody who knows the session's id can say; it does not tell the id."""
    return hashlib.sha256(f"csrf\n{id_}".encode()).hexdigest()[:43]


def _expired(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(web_sessions.c.seen_at <= now - IDLE, web_sessions.c.began_at <= now - LONGEST)


def _hash(id_: str) -> str:
    return hashlib.sha256(f"session\n{id_}".encode()).hexdigest()
