"""The inbox of webhooks: stored as they come in, each event once, and worked through later."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.schema import transactions
from reconciler.schema_webhooks import webhooks
from reconciler.store.upsert import upsert
from reconciler.text import storable
from reconciler.webhooks import Arrival

WAITING, LOOKING, DONE = "waiting", "looking", "done"
UNKNOWN, UNREADABLE, CONFLICT = "unknown", "unreadable", "conflict"
DENIED, UNCONFIRMED = "denied", "unconfirmed"
STATES = (WAITING, LOOKING, DONE, UNKNOWN, UNREADABLE, CONFLICT, DENIED, UNCONFIRMED)
"""What can become of an event. Only `waiting`, `looking` and `denied` may still change by themselves."""

_UNSTORED_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_COLUMNS = (
    *("provider", "name", "key", "content", "ref", "event_at", "late", "old_key", "method", "query", "headers", "body"),
    *("received_at", "last_received_at", "deliveries", "state", "result", "looks", "due_at"),
)


def take_in(connection: sa.Connection, arrivals: Sequence[Arrival]) -> None:
    """Store deliveries: a new event gets a row, a repeated one is counted, whatever came in between."""
    rows: dict[tuple[str, str, str], list[Any]] = {}
    for arrival in arrivals:
        event = arrival.event
        row = rows.setdefault((event.provider, event.key, event.content), _row(arrival))
        row[_COLUMNS.index("deliveries")] += 1
    upsert(
        connection,
        webhooks,
        rows.values(),
        columns=_COLUMNS,
        changes=lambda table, new: {
            "deliveries": table.c.deliveries + new.deliveries,
            "last_received_at": new.last_received_at,
        },
    )


def _row(arrival: Arrival) -> list[Any]:
    event, delivery, at = arrival.event, arrival.delivery, arrival.received_at
    said = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in delivery.headers]
    headers = json.dumps(storable([pair for pair in said if pair[0] not in _UNSTORED_HEADERS]))
    return [
        *(event.provider, event.name, event.key, event.content, event.ref, event.event_at, arrival.late, event.old_key),
        *(delivery.method, delivery.query, headers, delivery.body, at, at, 0, WAITING, "", 0, at),
    ]


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


def is_second(connection: sa.Connection, row: Any) -> bool:
    """Whether an earlier event has the same key and says something else about money or ids."""
    table = webhooks.c
    query = sa.select(table.id).where(table.provider == row.provider, table.key == row.key, table.id < row.id).limit(1)
    return connection.execute(query).first() is not None


def charges_of(connection: sa.Connection, provider: str, refs: Collection[str]) -> list[Any]:
    """The stored charges whose ref or order is among `refs`."""
    table = transactions.c
    query = sa.select(transactions).where(table.provider == provider, table.group_ref.in_(refs), table.kind == "charge")
    return list(connection.execute(query))


def settle(
    connection: sa.Connection,
    row: Any,
    now: datetime,
    state: str,
    result: str,
    *,
    due_at: datetime | None = None,
    looks: int | None = None,
) -> None:
    """Write down what became of an event; with `due_at` there is still work left then."""
    connection.execute(
        sa.update(webhooks)
        .where(webhooks.c.id == row.id)
        .values(
            state=state,
            result=result,
            due_at=due_at,
            looks=row.looks if looks is None else looks,
            processed_at=now if due_at is None else None,
        )
    )


def postpone(connection: sa.Connection, ids: Iterable[int], until: datetime) -> None:
    """Take events up again later, with nothing else changed."""
    connection.execute(sa.update(webhooks).where(webhooks.c.id.in_(list(ids))).values(due_at=until))


def again(connection: sa.Connection, ids: Collection[int], now: datetime) -> int:
    """Have events worked through anew, as if they had just come in; returns how many there are."""
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


def one(connection: sa.Connection, number: int) -> Any | None:
    """One event with everything that came with it."""
    return connection.execute(sa.select(webhooks).where(webhooks.c.id == number)).one_or_none()


def waiting(connection: sa.Connection) -> int:
    """How many events have work left."""
    query = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.due_at.is_not(None))
    return int(connection.execute(query).scalar_one())
