"""Keeps the tokens by which programs read `/api/v1`: each for some scopes and some time, stored as a hash."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from reconciler.access import PERSONAL, SCOPES, may
from reconciler.errors import BadRecord
from reconciler.schema_users import api_tokens, users
from reconciler.store import audit
from reconciler.store.users import known

PREFIX = "rcn_"
"""What every token begins with, so that one that leaked is recognised."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A program with its token."""

    id: str
    user: str
    scopes: frozenset[str]


def make_token(
    connection: sa.Connection, name: str, scopes: Collection[str], days: int, now: datetime
) -> tuple[str, str]:
    """A new token of a user: its id, and the token itself, which is shown this once. Raises BadRecord."""
    user = known(connection, name)
    if user is None:
        raise BadRecord(f"there is no user {name} who may come in: `reconciler user list` shows who there is")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise BadRecord(f"scope {(unknown or [''])[0]!r} is unknown: it is one of {', '.join(SCOPES)}")
    if PERSONAL in scopes and not may(user[1], "operator"):
        raise BadRecord(f"{name} is a {user[1]} and does not see e-mail addresses, so no token of theirs may")
    token, id_ = PREFIX + secrets.token_urlsafe(32), secrets.token_hex(6)
    values = {"user_name": user[0], "scopes": sorted(scopes), "made_at": now, "ends_at": now + timedelta(days=days)}
    connection.execute(sa.insert(api_tokens).values(id=id_, hash=_hash(token), **values))
    said = {"user": user[0], "scopes": sorted(scopes), "days": days}
    audit.record(connection, "token.made", id_, audit.OPERATOR, now, said)
    return id_, token


def revoke(connection: sa.Connection, id_: str, now: datetime) -> None:
    """Let a token count no more. Raises BadRecord for an unknown one."""
    there = sa.and_(api_tokens.c.id == id_, api_tokens.c.revoked_at.is_(None))
    if connection.execute(sa.update(api_tokens).where(there).values(revoked_at=now)).rowcount != 1:
        raise BadRecord(f"no token has the id {id_}, or it is revoked: `reconciler user list` shows them")
    audit.record(connection, "token.revoked", id_, audit.OPERATOR, now, {})


def find(connection: sa.Connection, token: str, now: datetime) -> Bearer | None:
    """Whose token it is; None when it counts no more."""
    query = (
        sa.select(api_tokens.c.id, api_tokens.c.scopes, users.c.name)
        .join(users, users.c.name == api_tokens.c.user_name)
        .where(
            api_tokens.c.hash == _hash(token),
            api_tokens.c.revoked_at.is_(None),
            api_tokens.c.ends_at > now,
            users.c.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Bearer(row.id, row.name, frozenset(row.scopes))


def _hash(token: str) -> str:
    return hashlib.sha256(f"token\n{token}".encode()).hexdigest()
