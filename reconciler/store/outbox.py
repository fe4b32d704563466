"""The outbox: what has to be delivered is stored with the decision that caused it, and marked only after delivery."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from reconciler.outbox import COMMAND, STATES, State
from reconciler.schema_told import outbox, outbox_attempts

TERM = timedelta(seconds=60)
"""How long a claim lasts; whoever delivers has to be done, one way or the other, well before."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to deliver an entry once, under the fencing number `epoch`; it ends by itself after TERM."""

    id: int
    epoch: int
    channel: str
    key: str
    body: str
    trying_since: datetime
    failures: int


def put(
    connection: sa.Connection,
    *,
    channel: str,
    key: str,
    sequence_key: str | None,
    body: str,
    now: datetime,
    not_before: datetime | None = None,
) -> int:
    """Store an entry in the caller's transaction and return its id.

    `key` is its identity for the receiver: the same key again returns the entry that is there. Entries of one
    `sequence_key` are delivered in the order of their storing. Raises ValueError for a known key with another body.
    """
    there = connection.execute(sa.select(outbox.c.id, outbox.c.body).where(outbox.c.key == key)).one_or_none()
    if there is not None:
        if there.body != body:
            raise ValueError(f"{key} is in the outbox already, with another body")
        return int(there.id)
    values = {
        "channel": channel,
        "key": key,
        "sequence_key": sequence_key,
        "body": body,
        "state": "todo",
        "created_at": now,
        "due_at": not_before or now,
        "failures": 0,
        "epoch": 0,
        "note": "",
    }
    created = connection.execute(sa.insert(outbox).values(values)).inserted_primary_key
    if created is None:
        raise RuntimeError("the database gave no id for a new outbox entry")
    return int(created[0])


def due(connection: sa.Connection, channels: Collection[str], now: datetime) -> int:
    """How many entries of these channels could be delivered now, those included that a vanished process had claimed."""
    query = sa.select(sa.func.count()).select_from(outbox).where(_ready(channels, now))
    return int(connection.execute(query).scalar_one())


def claim(
    connection: sa.Connection,
    channels: Collection[str],
    now: datetime,
    *,
    holder: str,
    is_gone: Callable[[str], bool],
    limit: int,
    also: Collection[int] = (),
) -> list[Claim]:
    """Take up to `limit` due entries, the longest due first, and write down that each is attempted.

    An entry that somebody else has claimed is free again when the claim's term is over or its holder `is_gone`.
    `also`: entries of other channels that may be taken too, if they are due and free.
    """
    ready = sa.or_(_ready(channels, now), sa.and_(_waiting(now), outbox.c.id.in_(also)))
    free = _free(connection, now, is_gone)
    query = sa.select(outbox).where(ready, free).order_by(outbox.c.due_at, outbox.c.id).limit(limit)
    return [_take(connection, row, now, holder) for row in connection.execute(query).all()]


def waiting(
    connection: sa.Connection, channel: str, now: datetime, is_gone: Callable[[str], bool], limit: int
) -> list[sa.Row[Any]] | None:
    """The due entries of one channel, oldest first; None while somebody is delivering one of them."""
    ours = sa.and_(_waiting(now), outbox.c.channel == channel)
    busy = sa.select(outbox.c.id).where(ours, ~_free(connection, now, is_gone)).limit(1)
    if connection.execute(busy).first() is not None:
        return None
    return list(connection.execute(sa.select(outbox).where(ours).order_by(outbox.c.id).limit(limit)).all())


def postpone(connection: sa.Connection, ids: Collection[int], until: datetime) -> None:
    """Let entries wait until a time; that is no failed attempt."""
    connection.execute(sa.update(outbox).where(outbox.c.id.in_(ids)).values(due_at=until))


def close(connection: sa.Connection, ids: Collection[int], state: State, now: datetime, note: str) -> None:
    """Take entries out of delivery without an attempt: another one does their work, or nobody is there to have them."""
    values = {"state": state, "finished_at": now, "note": note, "holder": None, "leased_until": None}
    connection.execute(sa.update(outbox).where(outbox.c.id.in_(ids), outbox.c.state == "todo").values(values))


def sent(connection: sa.Connection, claimed: Claim, now: datetime, note: str) -> bool:
    """Note that an entry was delivered. False, and only the attempt is written, if the claim was lost meanwhile."""
    return _close(connection, claimed, now, "sent", note, {"state": "sent", "finished_at": now})


def failed(connection: sa.Connection, claimed: Claim, now: datetime, note: str, retry_at: datetime) -> bool:
    """Note that an attempt failed, and when the next one is due. False if the claim was lost meanwhile."""
    return _close(connection, claimed, now, "failed", note, {"due_at": retry_at, "failures": claimed.failures + 1})


def held(connection: sa.Connection, claimed: Claim, now: datetime, note: str) -> bool:
    """Take an entry out of delivery until a person retries it. False if the claim was lost meanwhile."""
    changes = {"state": "held", "finished_at": now, "failures": claimed.failures + 1}
    return _close(connection, claimed, now, "held", note, changes)


def retry(connection: sa.Connection, keys: Collection[str] | None, now: datetime) -> tuple[list[str], list[str]]:
    """Make held entries due again, under the key and body they have; None: all of them.

    Returns the keys that are due now, and those left alone because a newer entry of their sequence was tried already:
    what comes after that is ignored by the receiver, or worse, undoes the newer one.
    """
    query = sa.select(outbox).where(outbox.c.state == "held").order_by(outbox.c.id)
    if keys is not None:
        query = query.where(outbox.c.key.in_(keys))
    again, overtaken = [], []
    for row in connection.execute(query).all():
        if _is_overtaken(connection, row):
            overtaken.append(row.key)
            continue
        changes = {"state": "todo", "due_at": now, "trying_since": None, "failures": 0, "finished_at": None}
        connection.execute(sa.update(outbox).where(outbox.c.id == row.id).values(changes))
        again.append(row.key)
    return again, overtaken


def hasten(
    connection: sa.Connection, channels: Collection[str], keys: Collection[str] | None, now: datetime
) -> list[str]:
    """Make entries of these channels due now that are held or wait after a failure (`keys`: only these).

    Returns the keys; for channels whose entries have no order among them.
    """
    stuck = sa.or_(outbox.c.state == "held", sa.and_(outbox.c.state == "todo", outbox.c.failures > 0))
    query = sa.select(outbox.c.id, outbox.c.key).where(outbox.c.channel.in_(channels), stuck).order_by(outbox.c.id)
    if keys is not None:
        query = query.where(outbox.c.key.in_(keys))
    rows = connection.execute(query).all()
    changes = {"state": "todo", "due_at": now, "trying_since": None, "failures": 0, "finished_at": None}
    connection.execute(sa.update(outbox).where(outbox.c.id.in_([row.id for row in rows])).values(changes))
    return [row.key for row in rows]


def entries(
    connection: sa.Connection, *, channels: Collection[str] | None = None, states: Iterable[State] = STATES
) -> list[dict[str, Any]]:
    """The entries of the outbox, oldest first, each with its `attempts`.

    An attempt without an outcome is under way, or its process died.
    """
    wanted = sa.and_(
        outbox.c.state.in_(list(states)), sa.true() if channels is None else outbox.c.channel.in_(channels)
    )
    rows = connection.execute(sa.select(outbox).where(wanted).order_by(outbox.c.id)).mappings()
    return with_attempts(connection, [dict(row) for row in rows], wanted)


def with_attempts(
    connection: sa.Connection, rows: Iterable[Mapping[str, Any]], wanted: sa.ColumnElement[bool]
) -> list[dict[str, Any]]:
    """These entries, which fulfil `wanted`, each with its attempts."""
    tried: dict[int, list[dict[str, Any]]] = {}
    table = outbox_attempts
    at_them = sa.select(table).join(outbox, outbox.c.id == table.c.outbox_id).where(wanted)
    for row in connection.execute(at_them.order_by(table.c.outbox_id, table.c.epoch)).mappings():
        tried.setdefault(row["outbox_id"], []).append(dict(row))
    return [{**row, "attempts": tried.get(row["id"], [])} for row in rows]


def lengths(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """How many entries wait and how many are held, by channel; commands are always among them."""
    query = (
        sa.select(outbox.c.channel, outbox.c.state, sa.func.count().label("many"))
        .where(outbox.c.state.in_(["todo", "held"]))
        .group_by(outbox.c.channel, outbox.c.state)
    )
    found = {COMMAND: {"todo": 0, "held": 0}}
    for row in connection.execute(query):
        found.setdefault(row.channel, {"todo": 0, "held": 0})[row.state] = row.many
    return found


def _ready(channels: Collection[str], now: datetime) -> sa.ColumnElement[bool]:
    """To be delivered, due, and first of its sequence: what stands before it holds it up, unless that is held."""
    before = outbox.alias("before")
    waits = sa.exists().where(
        before.c.sequence_key == outbox.c.sequence_key, before.c.state == "todo", before.c.id < outbox.c.id
    )
    return sa.and_(_waiting(now), outbox.c.channel.in_(channels), ~waits)


def _waiting(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.state == "todo", outbox.c.due_at <= now)


def _free(connection: sa.Connection, now: datetime, is_gone: Callable[[str], bool]) -> sa.ColumnElement[bool]:
    """Claimed by nobody who may still be delivering it."""
    gone = outbox.c.holder.in_(_gone(connection, is_gone))
    return sa.or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now, gone)


def _gone(connection: sa.Connection, is_gone: Callable[[str], bool]) -> list[str]:
    query = sa.select(outbox.c.holder).where(outbox.c.state == "todo", outbox.c.holder.is_not(None)).distinct()
    return [holder for holder in connection.execute(query).scalars() if is_gone(holder)]


def _take(connection: sa.Connection, row: Any, now: datetime, holder: str) -> Claim:
    since, epoch = row.trying_since or now, row.epoch + 1
    changes = {"epoch": epoch, "holder": holder, "leased_until": now + TERM, "trying_since": since}
    connection.execute(sa.update(outbox).where(outbox.c.id == row.id).values(changes))
    attempt = {"outbox_id": row.id, "epoch": epoch, "holder": holder, "started_at": now, "note": ""}
    connection.execute(sa.insert(outbox_attempts).values(attempt))
    return Claim(row.id, epoch, row.channel, row.key, row.body, since, row.failures)


def _close(
    connection: sa.Connection, claimed: Claim, now: datetime, outcome: str, note: str, changes: dict[str, Any]
) -> bool:
    """Write an attempt's end, and the entry's new state only under the number that it was claimed with."""
    attempt = sa.and_(outbox_attempts.c.outbox_id == claimed.id, outbox_attempts.c.epoch == claimed.epoch)
    ended = {"finished_at": now, "outcome": outcome, "note": note}
    connection.execute(sa.update(outbox_attempts).where(attempt).values(ended))
    mine = sa.and_(outbox.c.id == claimed.id, outbox.c.epoch == claimed.epoch, outbox.c.state == "todo")
    freed = {"holder": None, "leased_until": None, "note": note}
    return connection.execute(sa.update(outbox).where(mine).values(changes | freed)).rowcount == 1


def _is_overtaken(connection: sa.Connection, row: Any) -> bool:
    newer = sa.select(outbox.c.id).where(
        outbox.c.sequence_key == row.sequence_key, outbox.c.id > row.id, outbox.c.epoch > 0, outbox.c.state != "held"
    )
    return row.sequence_key is not None and connection.execute(newer.limit(1)).first() is not None
