"""What tests need around processes: those that answer to Ctrl-C, and tries that follow each other without a wait."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from reconciler import http


@contextmanager
def interruptible() -> Iterator[None]:
    """Processes begun within answer to SIGINT, also where a shell began these tests in the background, deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def hurried() -> Iterator[None]:
    """Calls of this process are tried again after a hundredth of the usual wait."""
    usual = http._wait_s
    with patch.object(http, "_wait_s", lambda state, rule: usual(state, rule) / 100):
        yield
