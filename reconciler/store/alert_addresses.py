"""How the addresses of alerts fare: which fail since when, which want to be left alone until when, who moved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.schema_alerts import alert_addresses, alert_messages
from reconciler.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class Fate:
    """How one address fares; `failures` are those in a row."""

    key: str
    chat_id: str | None = None
    blocked_until: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    last_sent_at: datetime | None = None
    note: str = ""


def fates(connection: sa.Connection) -> dict[str, Fate]:
    """Every address that was ever written to."""
    rows = connection.execute(sa.select(alert_addresses).order_by(alert_addresses.c.key))
    return {row.key: Fate(*row) for row in rows}


def fate(connection: sa.Connection, key: str) -> Fate:
    """How one address fares."""
    return fates(connection).get(key, Fate(key))


def went_well(connection: sa.Connection, key: str, now: datetime) -> None:
    """The address takes messages."""
    _set(connection, key, blocked_until=None, failing_since=None, failures=0, last_sent_at=now, note="")


def went_wrong(connection: sa.Connection, key: str, note: str, until: datetime | None, now: datetime) -> None:
    """The address did not take a message; `until`: it asks to be left alone until then."""
    before = fate(connection, key)
    _set(
        connection,
        key,
        blocked_until=until,
        failing_since=before.failing_since or now,
        failures=before.failures + 1,
        note=note,
    )


def moved(connection: sa.Connection, key: str, chat_id: str) -> None:
    """A Telegram group has become another chat: it is written to there from now on."""
    _set(connection, key, chat_id=chat_id)


def sent_since(connection: sa.Connection, key: str, since: datetime) -> list[datetime]:
    """When the messages of an address went out that were sent after a time."""
    table = alert_messages.c
    query = sa.select(table.sent_at).where(table.address == key, table.sent_at > since).order_by(table.sent_at)
    return list(connection.execute(query).scalars())


def _set(connection: sa.Connection, key: str, **values: Any) -> None:
    there = fate(connection, key)
    row = {name: getattr(there, name) for name in Fate.__slots__} | values
    upsert(connection, alert_addresses, [tuple(row[column.name] for column in alert_addresses.columns)])
