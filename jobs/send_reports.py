"""Writes the reports of periods that are over, once, and puts them into the outbox for whoever is to get them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.alerts import send_document
from jobs.daily_report import places, write_report
from jobs.triggers import trigger
from reconciler.alerts.addresses import Address, reports
from reconciler.report.base import voice_of
from reconciler.report.brief import brief, subject
from reconciler.report.document import Document, quiet
from reconciler.report.period import Length, Period, last_whole, midnight
from reconciler.schema_told import outbox
from reconciler.settings import Settings
from reconciler.store.engine import read, write
from reconciler.store.outbox_views import REPORT
from reconciler.store.reports import report_of

WRITTEN = ("html", "xlsx", "json")
"""The formats that a whole period is written in; the first two are sent."""


def finish_reports(settings: Settings, engine: sa.Engine, now: datetime) -> list[Path]:
    """Write and send the newest whole day, week and month, as far as they are wanted; returns the new files.

    What was sent, or found to be quiet, stays as it is, so it does not matter how often this is called, or that a
    daemon was down at the time that the schedule names. Raises OSError when a file cannot be written.
    """
    zone = ZoneInfo(settings.timezone)
    written: list[Path] = []
    for length in _wanted(settings):
        period = last_whole(now, zone, length)
        document = None if _is_sent(settings, engine, period) else report_of(engine, settings, period, now)
        if document is not None:
            if not _is_written(settings, period, document):
                written += write_report(settings, period, document, WRITTEN).values()
            _put(settings, engine, period, document, now)
    return written


def is_time(settings: Settings, now: datetime) -> bool:
    """Whether the time that the schedule gives to reports has come today."""
    zone = ZoneInfo(settings.timezone)
    today = midnight(now.astimezone(zone).date(), zone)
    first = trigger(settings.schedule.report, zone, today).get_next_fire_time(None, today)
    return first is not None and bool(first <= now)


def _wanted(settings: Settings) -> Iterator[Length]:
    yield "day"
    if settings.report.weekly:
        yield "week"
    if settings.report.monthly:
        yield "month"


def _is_sent(settings: Settings, engine: sa.Engine, period: Period) -> bool:
    """Whether everybody has the report, or it waits in the outbox; not where nobody is to get it."""
    keys = [_key(period, address) for address in reports(settings)]
    with read(engine) as connection:
        there = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.key.in_(keys))
        return bool(keys) and int(connection.execute(there).scalar_one()) == len(keys)


def _is_written(settings: Settings, period: Period, document: Document) -> bool:
    """Whether the files are there in their last form: runs of the day itself wrote pages and JSON of the same names."""
    files = places(settings, period, WRITTEN)
    path, form, language = files["json"]
    return all(one.exists() for one, _, _ in files.values()) and path.read_bytes() == form.render(document, language)


def _put(settings: Settings, engine: sa.Engine, period: Period, document: Document, now: datetime) -> None:
    """A report with nothing to say is sent only if that is wanted."""
    if quiet(document) and not settings.report.send_quiet:
        return
    voice = voice_of(document, settings.report.languages[0])
    sent = [str(path.resolve()) for path, _, _ in places(settings, period, WRITTEN[:2]).values()]
    with write(engine) as connection:
        known = set(connection.execute(sa.select(outbox.c.key).where(outbox.c.key.startswith(REPORT))).scalars())
        for address in reports(settings):
            key = _key(period, address)
            if key not in known:
                send_document(connection, address.key, key, subject(document, voice), brief(document, voice), sent, now)


def _key(period: Period, address: Address) -> str:
    return f"{REPORT}{period.name}:{address.key}"
