"""The inbox of webhooks: stored as they come in, each event once, and worked through later."""

import functools
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa

from reconciler.columns import to_us
from reconciler.model import Page
from reconciler.schema import quarantine, transactions
from reconciler.schema_webhooks import webhooks
from reconciler.store.readings import Beside, note_reading
from reconciler.text import storable
from reconciler.webhooks import Arrival

WAITING, LOOKING, DONE = "waiting", "looking", "done"
UNKNOWN, UNREADABLE, CONFLICT = "unknown", "unreadable", "conflict"
DENIED, UNCONFIRMED = "denied", "unconfirmed"
STATES = (WAITING, LOOKING, DONE, UNKNOWN, UNREADABLE, CONFLICT, DENIED, UNCONFIRMED)
"""What can become of an event. Only `waiting`, `looking` and `denied` may still change by themselves."""

TROUBLED = (UNKNOWN, UNREADABLE, DENIED, UNCONFIRMED)
"""What another try may mend."""
_UNSTORED_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


def take_in(connection: sa.Connection, arrivals: Sequence[Arrival]) -> None:
    """Store deliveries: a new event gets a row, a repeated one is counted, whatever came in between."""
    rows: dict[tuple[str, str, str], list[Any]] = {}
    for arrival in arrivals:
        event = arrival.event
        row = rows.setdefault((event.provider, event.key, event.content), _row(arrival))
        row[_DELIVERIES] += 1
    for place in range(0, len(rows), TOGETHER):
        chosen = list(islice(rows.values(), place, place + TOGETHER))
        connection.exec_driver_sql(_insert(connection.dialect.name, len(chosen)), tuple(chain.from_iterable(chosen)))


TOGETHER = 40
"""Rows in one statement. The driver lets other threads run at each statement, and then waits for its turn again:
row by row, a commit of forty would wait forty times. Older SQLite takes no more than 999 values."""
_COLUMNS = tuple(column.name for column in webhooks.columns if column.name != "id")
_DELIVERIES = _COLUMNS.index("deliveries")


@functools.cache
def _insert(dialect: str, count: int) -> str:
    """Plain SQL, made once for each number of rows: the values are as the drivers take them."""
    mark = {"sqlite": "?", "postgresql": "%s"}[dialect]
    row = f"({', '.join([mark] * len(_COLUMNS))})"
    counted = "deliveries = webhooks.deliveries + excluded.deliveries, last_received_at = excluded.last_received_at"
    insert = f"INSERT INTO webhooks ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * count)}"  # noqa: S608 - our own names only
    return f"{insert} ON CONFLICT (provider, key, content) DO UPDATE SET {counted}"


def _row(arrival: Arrival) -> list[Any]:
    """The values of a new event in the order of the table's columns."""
    event, delivery, at_us = arrival.event, arrival.delivery, to_us(arrival.received_at)
    said = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in delivery.headers]
    headers = json.dumps([(name, storable(value)) for name, value in said if name not in _UNSTORED_HEADERS])
    values = {
        "provider": event.provider,
        "name": event.name,
        "key": event.key,
        "content": event.content,
        "ref": event.ref,
        "event_at": None if event.event_at is None else to_us(event.event_at),
        "late": arrival.late,
        "old_key": event.old_key,
        "method": delivery.method,
        "query": delivery.query,
        "headers": headers,
        "body": delivery.body,
        "received_at": at_us,
        "last_received_at": at_us,
        "deliveries": 0,
        "state": WAITING,
        "result": "",
        "looks": 0,
        "due_at": at_us,
        "processed_at": None,
    }
    return [values[name] for name in _COLUMNS]


def due(connection: sa.Connection, providers: Collection[str], state: str, now: datetime, limit: int) -> list[Any]:
    """Events in a state that have work left whose time has come, in the order of their arrival."""
    table = webhooks.c
    query = (
        sa.select(webhooks)
        .where(table.due_at <= now, table.state == state, table.provider.in_(providers))
        .order_by(table.id)
        .limit(limit)
    )
    return list(connection.execute(query))


def work_left(connection: sa.Connection, providers: Collection[str], now: datetime) -> bool:
    """Whether anything is due."""
    query = sa.select(sa.literal(1)).where(webhooks.c.due_at <= now, webhooks.c.provider.in_(providers)).limit(1)
    return connection.execute(query).first() is not None


def contradicting(connection: sa.Connection, rows: Iterable[Any]) -> set[int]:
    """Those of some events before which one with the same key came that says something else about money or ids."""
    same = webhooks.alias("same")
    query = (
        sa.select(webhooks.c.id)
        .join(same, sa.and_(same.c.provider == webhooks.c.provider, same.c.key == webhooks.c.key))
        .where(webhooks.c.id.in_([row.id for row in rows]))
        .group_by(webhooks.c.id)
        .having(sa.func.min(same.c.id) < webhooks.c.id)  # asked after the join, which else reads all that came before
    )
    return set(connection.execute(query).scalars())


def charges_of(connection: sa.Connection, provider: str, refs: Collection[str]) -> list[Any]:
    """The stored charges whose ref or order is among `refs`."""
    table = transactions.c
    query = sa.select(transactions).where(table.provider == provider, table.group_ref.in_(refs), table.kind == "charge")
    first = query.where(table.ref.in_(refs), table.group_ref == table.ref)
    later = query.where(table.group_ref != table.ref)
    return [row for way in (first, later) for row in connection.execute(way)]  # apart: each by an index of its own


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event; with `due_at` there is still work left then."""

    id: int
    state: str
    result: str
    looks: int = 0
    due_at: datetime | None = None


def settle(connection: sa.Connection, outcomes: Iterable[Outcome], now: datetime) -> None:
    """Write down what became of events."""
    rows = [
        {
            "number": one.id,
            "state": one.state,
            "result": one.result,
            "due_at": one.due_at,
            "looks": one.looks,
            "processed_at": now if one.due_at is None else None,
        }
        for one in outcomes
    ]
    if rows:
        connection.execute(sa.update(webhooks).where(webhooks.c.id == sa.bindparam("number")), rows)


def postpone(connection: sa.Connection, ids: Iterable[int], until: datetime) -> None:
    """Take events up again later, with nothing else changed."""
    connection.execute(sa.update(webhooks).where(webhooks.c.id.in_(list(ids))).values(due_at=until))


def again(connection: sa.Connection, ids: Collection[int], now: datetime) -> int:
    """Have events worked through anew, as if they had just come in; returns how many there are.

    What was put aside of them leaves quarantine, and comes back to it if it still cannot be understood. An event whose
    content was removed stays as it is: there is nothing to read.
    """
    table = webhooks.c
    held = quarantine.c
    whole = sa.func.length(table.body) + sa.func.length(table.query) > 0
    ids = list(connection.execute(sa.select(table.id).where(table.id.in_(ids), whole)).scalars())
    for row in connection.execute(
        sa.select(table.provider, table.name, table.key, table.ref).where(table.id.in_(ids))
    ).all():
        source = f"{row.provider}.webhooks"
        mine = (held.provider == row.provider, held.source == source, held.key.in_([row.name, row.key, row.ref]))
        leave = sa.update(quarantine).where(*mine, held.released_at.is_(None)).values(released_at=now)
        released = connection.execute(leave.returning(held.provider, held.source, held.key))
        note_reading(connection, Page(source), (), Beside(released=[tuple(one) for one in released]), now)
    values = {"state": WAITING, "result": "", "due_at": now, "looks": 0, "processed_at": None}
    return connection.execute(sa.update(webhooks).where(webhooks.c.id.in_(ids)).values(**values)).rowcount


def first_received(connection: sa.Connection, provider: str) -> datetime | None:
    """When the first genuine delivery of a provider came in."""
    query = sa.select(webhooks.c.received_at).where(webhooks.c.provider == provider).order_by(webhooks.c.id).limit(1)
    return connection.execute(query).scalar_one_or_none()


def newest(connection: sa.Connection, provider: str, limit: int) -> list[datetime]:
    """When the newest events of a provider came in, newest first."""
    table = webhooks.c
    query = sa.select(table.received_at).where(table.provider == provider).order_by(table.id.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def listed(
    connection: sa.Connection, *, provider: str | None = None, state: str | None = None, limit: int | None = None
) -> list[Any]:
    """Events without their bodies, oldest first; with `limit` the newest of them."""
    columns = [column for column in webhooks.columns if column.name not in {"body", "query", "headers"}]
    query = sa.select(*columns).order_by(webhooks.c.id.desc())
    if provider is not None:
        query = query.where(webhooks.c.provider == provider)
    if state is not None:
        query = query.where(webhooks.c.state == state)
    return list(reversed(list(connection.execute(query.limit(limit)))))


def numbers(connection: sa.Connection, states: Collection[str]) -> list[int]:
    """The numbers of the events in certain states."""
    query = sa.select(webhooks.c.id).where(webhooks.c.state.in_(states)).order_by(webhooks.c.id)
    return list(connection.execute(query).scalars())


def one(connection: sa.Connection, number: int) -> Any | None:
    """One event with everything that came with it."""
    return connection.execute(sa.select(webhooks).where(webhooks.c.id == number)).one_or_none()


def waiting(connection: sa.Connection) -> int:
    """How many events have work left."""
    query = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.due_at.is_not(None))
    return int(connection.execute(query).scalar_one())
