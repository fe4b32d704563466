"""Writes today's report into the reports' folder, whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.report import FORMATS
from reconciler.settings import Settings
from reconciler.store.engine import read
from reconciler.store.reports import day_report, today

WRITTEN = ("html", "json")
"""The formats that every run writes."""


def write_daily_report(
    settings: Settings, engine: sa.Engine, now: datetime, formats: Iterable[str] = WRITTEN
) -> dict[str, Path]:
    """Write today's report in some formats; returns the files by format, none when nothing has run yet."""
    day = today(now, ZoneInfo(settings.timezone))
    with read(engine) as connection:
        document = day_report(connection, day)
    if document is None:
        return {}
    folder = Path(settings.report.directory)
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for form in (form for form in FORMATS if form.name in set(formats)):
        written[form.name] = folder / f"{day.date.isoformat()}{form.suffix}"
        write_whole(written[form.name], form.render(document))
    return written


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place at once: a reader sees the old one or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o600)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
