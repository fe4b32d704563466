"""Writes reports into the reports' folder, each file whole or not at all: today's so far, and periods that are over."""

import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.report import FORMATS, Format
from reconciler.report.document import Document
from reconciler.report.period import Period, today
from reconciler.settings import Settings
from reconciler.store.reports import report_of

WRITTEN = ("html", "json")
"""The formats that every run writes."""


def write_daily_report(
    settings: Settings, engine: sa.Engine, now: datetime, formats: Iterable[str] = WRITTEN
) -> dict[str, Path]:
    """Write today's report in some formats; returns the files by format, none when nothing has run yet.

    A further language's file has the format's name with the language: `html.ru`.
    """
    period = today(now, ZoneInfo(settings.timezone))
    document = report_of(engine, settings, period, now)
    return {} if document is None else write_report(settings, period, document, formats)


def write_report(settings: Settings, period: Period, document: Document, formats: Iterable[str]) -> dict[str, Path]:
    """Write a report in some formats and all configured languages; returns the files by name."""
    written = {}
    for name, (path, form, language) in places(settings, period, formats).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, form.render(document, language))
        written[name] = path
    return written


def places(settings: Settings, period: Period, formats: Iterable[str]) -> dict[str, tuple[Path, Format, str]]:
    """Where a report's files are: the first language's have the plain names, the others' the language in theirs."""
    folder, wanted = Path(settings.report.directory), set(formats)
    found: dict[str, tuple[Path, Format, str]] = {}
    for number, language in enumerate(settings.report.languages):
        mark = f".{language}" if number else ""
        for form in FORMATS:
            if form.name in wanted and (form.in_languages or not number):
                found[form.name + mark] = (folder / f"{period.name}{mark}{form.suffix}", form, language)
    return found


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
