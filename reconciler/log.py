"""Sets up logs: one line per event on stderr, never a secret in it, and quiet libraries."""

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import structlog
from pydantic import BaseModel, SecretStr

_QUIET = ("httpx", "httpcore", "urllib3", "alembic", "apscheduler", "sqlalchemy")
"""Libraries whose ordinary messages are of no use to an operator; two of them log full URLs."""
_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^/\s]+@")
_SHORTEST_SECRET = 4


class Redactor:
    """Takes secrets out of text: the configured ones wherever they stand, and others by the look of their place."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Longer secrets go first, so that one inside another leaves nothing behind."""
        long_enough = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        self._secrets = sorted(long_enough, key=lambda secret: (-len(secret), secret))

    def __call__(self, text: str) -> str:
        """The text with `***` where a secret stood."""
        from reconciler.http import scrub

        for secret in self._secrets:
            text = text.replace(secret, "***")
        return scrub(_PASSWORD.sub(r"\1***@", text))

    def event(self, _logger: Any, _name: str, event: Any) -> Any:
        """The same for every text of a log event."""
        return self._inside(event)

    def _inside(self, value: Any) -> Any:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {key: self._inside(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._inside(item) for item in value]
        return value if value is None or isinstance(value, bool | int | float) else self(str(value))


def secrets(settings: BaseModel) -> Iterator[str]:
    """Every secret that a configuration holds."""
    for name in type(settings).model_fields:
        yield from _secrets(getattr(settings, name))


def set_up(hide: Redactor, level: int = logging.WARNING) -> None:
    """Send the program's own events and those of the libraries to stderr as `key=value` lines in UTC."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide.event,
                _renderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _renderer() -> Any:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from secrets(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _secrets(item)
