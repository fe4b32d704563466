"""Looks at everything the work depends on, without changing anything, and says what to do about each fault."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from jobs.alert_checks import alert_checks
from providers import build_providers, build_shop, enabled
from providers.base import Check, Source
from reconciler.errors import ReconcilerError
from reconciler.settings import Settings
from reconciler.store.engine import is_current

LOW_DISK_BYTES = 500 * 1024 * 1024


def checks(settings: Settings, engine: sa.Engine | None) -> Iterator[Check]:
    """Every check, line by line; `engine` is None when the database could not be opened (the caller says why)."""
    if engine is not None:
        yield _database(engine)
    yield _disk(Path(settings.report.directory))
    if not enabled(settings):
        advice = "set enabled = true in [providers.digiseller] or [providers.tribute], with its key"
        yield Check("providers", "failed", "no provider is enabled: there is nothing to reconcile", advice)
    for source in _sources(settings):
        if isinstance(source, Check):
            yield source
            continue
        try:
            yield from source.check()
        finally:
            source.close()
    yield from alert_checks(settings)


def _sources(settings: Settings) -> Iterator[Source | Check]:
    def now() -> datetime:
        return datetime.now(UTC)

    try:
        yield from build_providers(settings, now=now)
    except ReconcilerError as error:
        yield Check("providers", "failed", str(error), "correct the provider's section of the configuration")
    try:
        yield build_shop(settings, now=now)
    except ReconcilerError as error:
        yield Check("shop", "failed", str(error), "correct [shop] in the configuration")


def _database(engine: sa.Engine) -> Check:
    name = engine.url.render_as_string(hide_password=True)
    try:
        if not is_current(engine):
            return Check("database", "failed", f"{name} lacks migrations", "run any other command once to apply them")
    except sa.exc.SQLAlchemyError as error:
        return Check("database", "failed", f"{name}: {str(error).splitlines()[0]}", "check [database] url")
    return Check("database", "ok", f"{name} is reachable and up to date")


def _disk(folder: Path) -> Check:
    there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{free // (1024 * 1024)} MB free at {there}"
    if free < LOW_DISK_BYTES:
        return Check("disk", "warning", text, "make room: a full disk stops the work until there is some")
    return Check("disk", "ok", text)
