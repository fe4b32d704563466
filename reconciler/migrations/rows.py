"""How SQLite keeps the rows of a table."""

import re

import sqlalchemy as sa
from alembic import op


def keep_by_key(table: str, *key: str) -> None:
    """Rebuild a table so that SQLite keeps its rows in the primary key itself; its indexes and triggers stay."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        return
    query = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL")
    made = bind.execute(query, {"name": table}).all()
    (text,) = (row.sql for row in made if row.type == "table")
    op.execute(f"{re.sub(rf'{table}', f'new_{table}', text, count=1)} WITHOUT ROWID")
    op.execute(f"INSERT INTO new_{table} SELECT * FROM {table} ORDER BY {', '.join(key)}")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
    for row in made:
        if row.type != "table":
            op.execute(row.sql)
