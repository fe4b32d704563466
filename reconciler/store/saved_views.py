"""Keeps the filters that users saved under a name."""

from typing import Any

import sqlalchemy as sa

from reconciler.errors import BadRecord
from reconciler.schema_users import saved_views

PAGES = ("findings", "cases")
MOST = 30


def of_user(connection: sa.Connection, user: str, page: str) -> list[dict[str, Any]]:
    """A user's views of one page, by name."""
    query = sa.select(saved_views.c.name, saved_views.c.query).where(_mine(user, page)).order_by(saved_views.c.name)
    return [dict(row) for row in connection.execute(query).mappings()]


def save(connection: sa.Connection, user: str, page: str, name: str, query: str) -> None:
    """Keep a filter; one of the same name is replaced. Raises BadRecord."""
    if page not in PAGES or not name:
        raise BadRecord("a view has a name, and is one of findings or cases")
    forget(connection, user, page, name)
    if len(of_user(connection, user, page)) >= MOST:
        raise BadRecord(f"{MOST} views are kept at most: forget one first")
    connection.execute(sa.insert(saved_views).values(user_name=user, page=page, name=name, query=query))


def forget(connection: sa.Connection, user: str, page: str, name: str) -> None:
    """Keep a view no longer."""
    connection.execute(sa.delete(saved_views).where(_mine(user, page), saved_views.c.name == name))


def _mine(user: str, page: str) -> sa.ColumnElement[bool]:
    return sa.and_(saved_views.c.user_name == user, saved_views.c.page == page)
