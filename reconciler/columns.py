"""What all tables are made of: the kinds of column that every engine stores alike, and their names' convention."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, text
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(value: datetime) -> int:
    """Microseconds since 1970 UTC of an aware time; raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError(f"a time without zone cannot be stored: {value!r}")
    return (value - _EPOCH) // _MICROSECOND


def from_us(value: int) -> datetime:
    """The aware UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time stored as whole microseconds since 1970 UTC, alike on every engine."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware times only."""
        return None if value is None else to_us(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Always aware and UTC."""
        return None if value is None else from_us(value)


BigId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of the store is in here."""


BY_KEY: dict[str, Any] = {"sqlite_with_rowid": False}
"""What makes SQLite keep narrow rows in their primary key itself: one search finds a row, not two."""


def only(condition: str, on_sqlite: str | None = None) -> dict[str, Any]:
    """What makes an index partial: rows outside the condition cost it nothing."""
    return {"sqlite_where": text(on_sqlite or condition), "postgresql_where": text(condition)}
