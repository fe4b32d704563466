"""Sends to one apprise address: mail, Slack, a webhook of one's own, and a hundred others."""

import logging
import re
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from reconciler.outbox import Failed, Outcome, Refused, Sent

LONGEST_WAIT = timedelta(minutes=15)
_STATUS = re.compile(r"error=(\d{3})")
_KINDS = {"critical": "failure", "warning": "warning", "info": "info"}


def known(url: str) -> bool:
    """Whether apprise knows what to do with an address."""
    return _plugin(url) is not None


def send(
    url: str, title: str, text: str, files: Sequence[str] = (), *, severity: str = "info", begin_by_s: float
) -> Outcome:
    """Send once to one address. Of what went wrong only the status is told: the rest may hold the address."""
    import apprise

    plugin = _plugin(url)
    if plugin is None:
        return Refused("apprise does not know this kind of address; correct it in the configuration")
    if time.monotonic() > begin_by_s:
        return Failed("not sent: this process was held up for too long", None, LONGEST_WAIT)
    kind = apprise.NotifyType(_KINDS[severity])
    attached: Any = apprise.AppriseAttachment(list(files)) if files else None
    with _Listening() as heard:
        done = plugin.notify(body=text, title=title, notify_type=kind, attach=attached)
    if done:
        return Sent("sent")
    status = _STATUS.search(" ".join(heard.lines))
    return Failed(f"answered {status.group(1)}" if status else "it did not go through", None, LONGEST_WAIT)


def _plugin(url: str) -> Any:
    import apprise

    own = logging.getLogger("apprise")
    own.propagate = False  # its messages name addresses
    if not own.handlers:
        own.addHandler(logging.NullHandler())  # without any, Python would print them
    asset = apprise.AppriseAsset(app_id="Reconciler", app_desc="Payment reconciler", app_url="", plugin_paths=None)
    return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)


class _Listening(logging.Handler):
    """Hears what apprise's log says in this thread, for the length of a block."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())

    def __enter__(self) -> "_Listening":
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
