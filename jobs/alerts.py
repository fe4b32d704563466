"""Decides what people are told: of a run's findings, again until acknowledged, and of the program's own faults."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from jobs import troubles
from jobs.alert_gate import quiet_until
from providers import enabled
from reconciler.alerts.addresses import escalation, every, everyday
from reconciler.alerts.grouping import Group, grouped
from reconciler.alerts.model import OPEN, RESOLVED, New
from reconciler.alerts.notes import document
from reconciler.alerts.troubles import FAILING, Trouble
from reconciler.schema_alerts import alert_findings, alert_messages, alert_parts, alerts
from reconciler.schema_told import outbox
from reconciler.settings import Settings
from reconciler.store import alert_views
from reconciler.store import outbox as queue
from reconciler.store.alert_seen import seen_to
from reconciler.store.alerts import join, open_alert, refresh, reopen, resolve, settle, tell
from reconciler.store.engine import read, write
from reconciler.store.facts import feed_rows
from reconciler.store.findings import Changes, parts

GONE = "the address is not in the configuration any more"


def note(connection: sa.Connection, settings: Settings, changes: Changes, now: datetime) -> None:
    """Raise the alerts about what a run found, in the transaction that stores it."""
    settle(connection, now)
    since = now - timedelta(minutes=settings.alerts.digest_minutes)
    repeat_at = now + timedelta(hours=settings.alerts.repeat_hours)
    back = reopen(connection, changes.reopened, since, repeat_at, now)
    new = alert_views.items(connection, [*changes.opened, *back])
    for group in grouped(new, settings.alerts.minimum_severity, _down(connection, settings)):
        _raise(connection, settings, group, now)
    refresh(connection, _telling_of(connection, changes.changed), now)


def send_document(
    connection: sa.Connection, address: str, key: str, subject: str, text: str, files: Collection[str], now: datetime
) -> None:
    """Put a document for one address (its key, see `alerts.addresses`) into the outbox, in the caller's transaction.

    `key` is its identity: the same one again changes nothing. `files` are paths that stay there until it is sent.
    Raises ValueError for a known key with other content.
    """
    body = document(subject, text, tuple(files))
    queue.put(connection, channel=address, key=key, sequence_key=None, body=body, now=now)


def tick(settings: Settings, engine: sa.Engine, now: datetime, *, watch: bool = True) -> list[Trouble]:
    """What time alone asks for: what is over, what is repeated, what goes another way; returns the troubles.

    Without `watch` the program's own work is not judged yet: a daemon that has just begun is late with everything.
    """
    with read(engine) as connection:
        found = troubles.find(connection, settings, now) if watch else []
    with write(engine) as connection:
        settle(connection, now)
        seen_to(connection, now)
        _release(connection, settings, now)
        if watch:
            _tell_troubles(connection, settings, found, now)
        _repeat(connection, settings, now)
        _second_way(connection, settings, now)
        _drop_gone(connection, settings, now)
    return found


def _raise(connection: sa.Connection, settings: Settings, group: Group, now: datetime) -> None:
    collecting = _collecting(connection, settings, group, now)
    if collecting is not None:
        join(connection, collecting, group.ids, now)
        return
    due_at: datetime | None = now
    if group.kind == "inhibited":
        due_at = None
    elif group.kind == "digest":
        later = now + timedelta(minutes=settings.alerts.digest_minutes)
        due_at = quiet_until(settings, later) or later
    repeat_at = None if due_at is None else due_at + timedelta(hours=settings.alerts.repeat_hours)
    new = New(group.kind, group.subject, group.severity, due_at, repeat_at, group.ids)
    open_alert(connection, new, [one.key for one in everyday(settings)], now)


def _collecting(connection: sa.Connection, settings: Settings, group: Group, now: datetime) -> str | None:
    """The alert that a group joins: a digest before it is told, what is held back, a storm while it is fresh.

    A storm that somebody has seen to takes nothing in any more: what is new has to ring.
    """
    fresh = now - timedelta(minutes=settings.alerts.digest_minutes)
    is_open = sa.and_(alerts.c.state == OPEN, alerts.c.kind == group.kind, alerts.c.subject == group.subject)
    storm = sa.and_(alerts.c.kind == "storm", alerts.c.state == OPEN, alerts.c.snoozed_until.is_(None))
    storming = sa.and_(storm, alerts.c.opened_at > fresh)
    takes = {
        "digest": sa.and_(is_open, alerts.c.due_at > now),
        "inhibited": sa.and_(is_open, alerts.c.due_at.is_(None)),
    }.get(group.kind, storming)
    query = sa.select(alerts.c.id).where(takes).order_by(alerts.c.opened_at.desc()).limit(1)
    return connection.execute(query).scalar()


def _down(connection: sa.Connection, settings: Settings) -> set[str]:
    """The providers whose last reading failed."""
    failed = {name.partition(".")[0] for name, row in feed_rows(connection).items() if row.last_error}
    return failed & set(enabled(settings))


def _telling_of(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for part in parts(sorted(ids)):
        query = (
            sa.select(alerts.c.id)
            .join(alert_findings, alert_findings.c.alert_id == alerts.c.id)
            .where(alert_findings.c.finding_id.in_(part), alerts.c.state != RESOLVED)
        )
        found |= set(connection.execute(query).scalars())
    return found


def _release(connection: sa.Connection, settings: Settings, now: datetime) -> None:
    """Tell what a provider's absence held back and what still stands now that it can be read."""
    down = _down(connection, settings)
    held = sa.select(alerts).where(alerts.c.kind == "inhibited", alerts.c.due_at.is_(None), alerts.c.state == OPEN)
    for alert in connection.execute(held).all():
        if alert.subject in down:
            continue
        repeat_at = now + timedelta(hours=settings.alerts.repeat_hours)
        values = {"due_at": now, "repeat_at": repeat_at}
        connection.execute(sa.update(alerts).where(alerts.c.id == alert.id).values(values))
        for one in everyday(settings):
            tell(connection, [alert.id], one.key, f"alert:{alert.id}:{one.key}", alert.severity, now)


def _tell_troubles(connection: sa.Connection, settings: Settings, found: list[Trouble], now: datetime) -> None:
    standing = sa.select(alerts.c.id, alerts.c.subject).where(alerts.c.kind == "trouble", alerts.c.state != RESOLVED)
    there = {subject: id_ for id_, subject in connection.execute(standing)}
    keys = {one.key for one in found}
    for subject, id_ in there.items():
        if subject not in keys:
            resolve(connection, id_, now)
    for one in found:
        if one.key in there:
            continue
        known = [*everyday(settings), *(escalation(settings) if one.area == "address" else ())]
        addresses = {each.key for each in known if not one.key.startswith(f"address:{each.key}")}
        repeat_at = now + timedelta(hours=settings.alerts.repeat_hours)
        said = {"title": one.title, "text": one.text}
        new = New("trouble", one.key, one.severity, now, repeat_at, said=said)
        open_alert(connection, new, sorted(addresses), now)


def _repeat(connection: sa.Connection, settings: Settings, now: datetime) -> None:
    """Tell again what nobody has acknowledged, the second time to the addresses of the escalation too.

    What can wait is told together: when one is due, so are those that would be soon.
    """
    period = timedelta(hours=settings.alerts.repeat_hours)
    unseen = sa.select(alerts).where(alerts.c.state == OPEN, alerts.c.repeat_at.is_not(None)).order_by(alerts.c.id)
    waiting = connection.execute(unseen).all()
    due = [one for one in waiting if one.repeat_at <= now]
    if any(one.severity != "critical" for one in due):
        soon = now + period / 2
        due += [one for one in waiting if one.severity != "critical" and now < one.repeat_at <= soon]
    for one in due:
        number = one.repeats + 1
        changes = {"repeats": number, "repeat_at": now + period, "snoozed_until": None}
        connection.execute(sa.update(alerts).where(alerts.c.id == one.id).values(changes))
        for each in everyday(settings):
            key = f"alert:{one.id}:repeat{number}:{each.key}"
            tell(connection, [one.id], each.key, key, one.severity, now, repeated=True)
        if number >= 2 and one.escalated_at is None:
            _escalate(connection, settings, one.id, one.severity, now)


def _second_way(connection: sa.Connection, settings: Settings, now: datetime) -> None:
    """A critical alert that an address has not taken for five minutes goes to the addresses of the escalation."""
    entry = outbox.c
    fails = sa.and_(entry.state == "todo", entry.failures > 0, entry.trying_since <= now - FAILING)
    stuck = sa.or_(fails, sa.and_(entry.state == "held", entry.note != GONE))
    query = (
        sa.select(alerts.c.id, alerts.c.severity)
        .distinct()
        .join(alert_parts, alert_parts.c.alert_id == alerts.c.id)
        .join(alert_messages, alert_messages.c.key == alert_parts.c.message_key)
        .join(outbox, entry.key == alert_messages.c.key)
        .where(alerts.c.state == OPEN, alerts.c.severity == "critical", alerts.c.escalated_at.is_(None), stuck)
    )
    for id_, severity in connection.execute(query.order_by(alerts.c.id)).all():
        _escalate(connection, settings, id_, severity, now)


def _escalate(connection: sa.Connection, settings: Settings, id_: str, severity: str, now: datetime) -> None:
    connection.execute(sa.update(alerts).where(alerts.c.id == id_).values(escalated_at=now))
    for each in escalation(settings):
        tell(connection, [id_], each.key, f"alert:{id_}:escalated:{each.key}", severity, now, repeated=True)


def _drop_gone(connection: sa.Connection, settings: Settings, now: datetime) -> None:
    """Hold what waits for an address that the configuration names no more."""
    keys = {"command", "alert", *(one.key for one in every(settings))}
    query = sa.select(outbox.c.id).where(outbox.c.state == "todo", outbox.c.channel.not_in(keys))
    ids = list(connection.execute(query).scalars())
    if ids:
        queue.close(connection, ids, "held", now, GONE)
