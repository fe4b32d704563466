"""What every command starts from: where the configuration is, and the ways to open it and the store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    import sqlalchemy as sa

    from reconciler.log import Redactor
    from reconciler.settings import Settings


@dataclass
class Session:
    """One call of the program: its global options, and the secrets that its output must not show."""

    config: Path | None = None
    debug: bool = False
    redactor: Redactor | None = None

    def settings(self, level: int = logging.WARNING) -> Settings:
        """The configuration; from here on logs go to stderr without its secrets. Raises ConfigError."""
        from reconciler import config, log

        settings = config.load(self.config, os.environ)
        self.redactor = log.Redactor(log.secrets(settings))
        log.set_up(self.redactor, logging.DEBUG if self.debug else level)
        return settings

    def hide(self, text: str) -> str:
        """The text without secrets."""
        if self.redactor is None:
            from reconciler.log import Redactor

            self.redactor = Redactor()
        return self.redactor(text)


def of(context: typer.Context) -> Session:
    """The session of a command."""
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError("a command was run outside of main()")
    return session


@contextmanager
def store(settings: Settings) -> Iterator[sa.Engine]:
    """The open store, its connections given back at the end. Raises ConfigError and Retryable."""
    from reconciler.store.engine import open_store

    engine = open_store(settings.database.url)
    try:
        yield engine
    finally:
        engine.dispose()


def zone_of(settings: Settings) -> ZoneInfo:
    """The zone of reports and of times without one."""
    return ZoneInfo(settings.timezone)


def now() -> datetime:
    """The wall clock, aware and UTC."""
    return datetime.now(UTC)
