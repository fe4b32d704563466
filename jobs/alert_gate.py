"""Says which message each address gets next: one at a time, within its limit, and not while it is to be quiet."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.alerts import limits
from reconciler.alerts.addresses import Address
from reconciler.alerts.model import worst
from reconciler.alerts.notes import task
from reconciler.columns import to_us
from reconciler.schedule import quiet_hours
from reconciler.schema_alerts import alert_parts
from reconciler.schema_told import outbox as table
from reconciler.settings import Settings
from reconciler.store import audit, outbox
from reconciler.store.alert_addresses import fates, sent_since
from reconciler.store.alerts import tell
from reconciler.store.findings import parts
from reconciler.store.lease import is_gone

LOOKED_AT = 500
"""Due entries of one address that are looked at together; more of them wait for the next look."""


def passing(connection: sa.Connection, settings: Settings, addresses: Iterable[Address], now: datetime) -> list[int]:
    """The outbox entries that may be claimed now, at most one for each address.

    What has to wait gets a later time; what does not fit becomes one message. All of it in the transaction of the
    claim, so that two processes cannot both think that there is room.
    """
    known = fates(connection)
    chosen = []
    for address in addresses:
        entries = outbox.waiting(connection, address.key, now, is_gone, LOOKED_AT)
        if not entries:
            continue
        there = known.get(address.key)
        if there is not None and there.blocked_until is not None and there.blocked_until > now:
            outbox.postpone(connection, [entry.id for entry in entries], there.blocked_until)
            continue
        first = _first(connection, settings, address.key, entries, now)
        if first is not None:
            chosen.append(first)
    return chosen


def quiet_until(settings: Settings, now: datetime) -> datetime | None:
    """When the quiet hours end that it is now; None outside of them."""
    return limits.quiet_until(quiet_hours(settings.alerts.quiet_hours), ZoneInfo(settings.timezone), now)


def _first(
    connection: sa.Connection, settings: Settings, address: str, entries: list[sa.Row[Any]], now: datetime
) -> int | None:
    tasks = {entry.id: task(entry.body) for entry in entries}
    waiting = [limits.Waiting(id_, one.act, one.severity) for id_, one in tasks.items()]
    sent = sent_since(connection, address, now - limits.HOUR)
    plan = limits.plan(waiting, sent, settings.alerts.max_per_hour, quiet_until(settings, now), now)
    for until in sorted(set(plan.postponed.values())):
        outbox.postpone(connection, [id_ for id_, at in plan.postponed.items() if at == until], until)
    if not plan.together:
        return plan.first
    together = [entry for entry in entries if entry.id in plan.together]
    return _merge(connection, address, together, plan.held_back, now)


def _merge(
    connection: sa.Connection, address: str, entries: list[sa.Row[Any]], held_back: bool, now: datetime
) -> int | None:
    """Put one message in the place of several; returns its entry."""
    tasks = [task(entry.body) for entry in entries]
    keys = [entry.key for entry in entries]
    ids: set[str] = set()
    for part in parts(keys):
        mine = alert_parts.c.message_key.in_(part)
        ids |= set(connection.execute(sa.select(alert_parts.c.alert_id).where(mine)).scalars())
        connection.execute(sa.delete(alert_parts).where(mine))
    key = f"alerts:{to_us(now)}:{entries[0].id}:{address}"
    how: dict[str, Any] = {
        "held_back": held_back or any(one.held_back for one in tasks),
        "repeated": all(one.repeated for one in tasks),
        "resolved": any(one.resolved for one in tasks),
    }
    tell(connection, ids, address, key, worst(one.severity for one in tasks), now, **how)
    why = "held back: more came within an hour than are to be sent" if held_back else "told together with others"
    outbox.close(connection, [entry.id for entry in entries], "sent", now, f"{why}: {key}")
    if held_back:
        audit.record(connection, "alert.held_back", key, audit.PROGRAM, now, {"messages": len(entries)})
    query = sa.select(table.c.id).where(table.c.key == key)
    return int(connection.execute(query).scalar_one())
