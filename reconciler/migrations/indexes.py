"""Indexes of the few rows among many that a condition picks."""

from typing import Any

import sqlalchemy as sa
from alembic import op


def make_partial(name: str, table: str, columns: list[str], condition: str, on_sqlite: str | None = None) -> None:
    """Create an index of the rows that meet a condition; `on_sqlite` says it where SQLite spells it otherwise."""
    where: dict[str, Any] = {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(on_sqlite or condition)}
    op.create_index(op.f(name), table, columns, unique=False, **where)
