"""Where webhooks and the pull contradict each other, and when nobody could take deliveries in."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Table

from reconciler.matching.lookups import checked
from reconciler.model import Window
from reconciler.schema import transactions
from reconciler.schema_webhooks import receptions, webhook_gaps, webhooks
from reconciler.store.upsert import insert_new

NO_WEBHOOK, DENIED, UNCONFIRMED, SILENT, DOWNTIME = "no_webhook", "denied", "unconfirmed", "silent", "downtime"
NEAR = timedelta(hours=12)
"""An event so near to a later charge of an order tells of it: the shortest period of a recurring order is a week."""


def add(
    connection: sa.Connection,
    provider: str,
    reason: str,
    subject: str,
    since: datetime,
    until: datetime,
    now: datetime,
) -> None:
    """Note a gap; one that is known stays as it was first seen."""
    insert_new(connection, webhook_gaps, _names(), [(provider, reason, subject, since, until, now)])


def remove(connection: sa.Connection, provider: str, reasons: Collection[str], subject: str | None = None) -> None:
    """Forget gaps that are none any more: those of a subject, or of all."""
    table = webhook_gaps.c
    query = sa.delete(webhook_gaps).where(table.provider == provider, table.reason.in_(reasons))
    connection.execute(query if subject is None else query.where(table.subject == subject))


def close_downtime(connection: sa.Connection, provider: str, covered: Window) -> int:
    """Forget the times in which nobody could take webhooks in, where `covered` holds all of one; returns how many."""
    table = webhook_gaps.c
    query = sa.delete(webhook_gaps).where(
        table.provider == provider,
        table.reason == DOWNTIME,
        table.since >= covered.since,
        table.until <= covered.until,
    )
    return connection.execute(query).rowcount


def charges_without_event(
    connection: sa.Connection,
    provider: str,
    names: Collection[str],
    forms: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[tuple[str, datetime]]:
    """Ref and time of paid charges in a span that the API shows and that no event of `names` tells of."""
    row = transactions
    query = sa.select(row.c.ref, row.c.occurred_at).where(
        checked(row.c.provider) == provider,
        row.c.occurred_at >= since,
        row.c.occurred_at < until,
        row.c.kind == "charge",
        row.c.status == "paid",
        row.c.listed,
        sa.or_(*(row.c.ref.like(form) for form in forms)),
        ~_told(row, names),
    )
    return [(ref, at) for ref, at in connection.execute(query.order_by(row.c.occurred_at, row.c.ref))]


def drop_told(connection: sa.Connection, provider: str, names: Collection[str]) -> None:
    """Forget missing events that have come in the meantime."""
    gap, row = webhook_gaps, transactions
    there = sa.exists().where(row.c.provider == gap.c.provider, row.c.ref == gap.c.subject, _told(row, names))
    connection.execute(
        sa.delete(gap).where(gap.c.provider == provider, gap.c.reason == NO_WEBHOOK, there.correlate(gap))
    )


def begin_reception(connection: sa.Connection, now: datetime) -> tuple[int, datetime | None]:
    """Note that deliveries can be taken in from now on; returns its number, and until when they could before."""
    before = connection.execute(sa.select(receptions.c.until).order_by(receptions.c.until.desc()).limit(1)).scalar()
    key = connection.execute(sa.insert(receptions).values(since=now, until=now)).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no id for a new reception")
    return int(key[0]), before


def beat(connection: sa.Connection, number: int, now: datetime) -> None:
    """Note that deliveries can still be taken in."""
    connection.execute(sa.update(receptions).where(receptions.c.id == number).values(until=now))


def _told(row: Table, names: Collection[str]) -> ColumnElement[bool]:
    """Whether an event tells of a charge: any about its order for the first one, one near in time for a later one."""
    distance = sa.func.abs(
        sa.type_coerce(webhooks.c.event_at, BigInteger) - sa.type_coerce(row.c.occurred_at, BigInteger)
    )
    return sa.exists().where(
        webhooks.c.provider == row.c.provider,
        webhooks.c.ref == row.c.group_ref,
        webhooks.c.name.in_(names),
        sa.or_(row.c.ref == row.c.group_ref, distance <= NEAR // timedelta(microseconds=1)),
    )


def _names() -> list[str]:
    return [column.name for column in webhook_gaps.columns]
