"""Pings a watcher outside: a job began, went well or failed. Where the ping stays out, the watcher raises the alarm."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import structlog

from reconciler.errors import Retryable
from reconciler.http import post_once
from reconciler.settings import Settings

JOB = "{job}"
MAIN = ("run", "reconcile")
"""The jobs that ping where the address has no place for a job's name: by hand or by cron, and in the daemon."""
PATIENCE_S = 5.0
log = structlog.get_logger()


@contextmanager
def beating(settings: Settings, job: str) -> Iterator[Callable[[bool], None]]:
    """Ping at the start of a block, and at its end what it came to: good unless it raised or said otherwise."""
    good = True

    def say(well: bool) -> None:
        nonlocal good
        good = well

    address = _address(settings, job)
    _ping(address, "/start")
    try:
        yield say
    except BaseException:
        _ping(address, "/fail")
        raise
    _ping(address, "" if good else "/fail")


def _address(settings: Settings, job: str) -> str:
    url = settings.alerts.heartbeat_url.get_secret_value()
    if JOB in url:
        return url.replace(JOB, job)
    return url if job in MAIN else ""


def _ping(address: str, ending: str) -> None:
    if not address:
        return
    url = urlsplit(address)
    target = urlunsplit(url._replace(path=url.path.rstrip("/") + ending))
    began_s = time.monotonic()
    try:
        answer = post_once(target, b"", {}, begin_by_s=began_s + PATIENCE_S, end_by_s=began_s + PATIENCE_S)
    except Retryable as error:
        log.warning("the heartbeat did not get through", reason=str(error))
        return
    if answer.status >= 300:
        log.warning("the heartbeat was not taken", status=answer.status)
