"""How often a log-in may fail, by address and by name, and how many passwords are checked at once."""

import math
import threading
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

BY_ADDRESS, BY_NAME = parse("20 per 10 minutes"), parse("10 per 10 minutes")
AT_ONCE = 2
"""A check of a password takes 64 MiB and a core: more at once would be a way to bring the machine down."""


class Attempts:
    """Failed log-ins of the last minutes, in the memory of the one process that serves the dashboard."""

    def __init__(self) -> None:
        """None so far."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self.checking = threading.Semaphore(AT_ONCE)

    def wait_s(self, address: str, name: str) -> int:
        """How long to wait before the next try; 0: none."""
        return max(self._left_s(BY_ADDRESS, "address", address), self._left_s(BY_NAME, "name", name.casefold()))

    def failed(self, address: str, name: str) -> None:
        """Count a failure."""
        self._limiter.hit(BY_ADDRESS, "address", address[:64])
        self._limiter.hit(BY_NAME, "name", name.casefold()[:64])

    def _left_s(self, limit: RateLimitItem, kind: str, value: str) -> int:
        if self._limiter.test(limit, kind, value[:64]):
            return 0
        return max(1, math.ceil(self._limiter.get_window_stats(limit, kind, value[:64]).reset_time - time.time()))
