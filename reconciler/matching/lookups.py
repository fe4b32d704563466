"""How to ask for a row so that every engine finds it by an index."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select


def checked(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column that narrows down what is found by others, put so that no planner begins with all that it picks."""
    return sa.func.coalesce(column, "")


def there_is(table: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """EXISTS, put so that PostgreSQL does not answer it by reading the whole table once for all rows.

    Whatever the conditions name besides `table` belongs to the selects around it, however far out.
    """
    one: Select[Any] = (
        sa.select(sa.literal_column("1")).select_from(table).where(*where).limit(1).correlate_except(table)
    )
    return one.scalar_subquery().is_not(None)
