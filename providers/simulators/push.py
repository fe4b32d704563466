"""Delivers what the simulated providers push, over real HTTP, on a virtual clock, and as unreliably as is wanted."""

import heapq
import http.client
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

Attempt = Callable[[datetime], tuple[Mapping[str, str], bytes]]
"""Headers and body of one attempt, as they are written at a moment: `sent_at`, and so the signature, change."""


def post(url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST", timeout_s: float = 10.0) -> int:
    """Send once; the answer's status, or 0 when there is none."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_s)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, dict(headers))
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()


@dataclass(order=True)
class _Due:
    at: datetime
    number: int
    tries: int = field(compare=False)
    attempt: Attempt = field(compare=False)


@dataclass
class Pusher:
    """A queue of deliveries that are tried again by `ladder` until they are answered 200, then given up.

    Faults: `duplicates` and `losses` are shares of all deliveries, `shuffled` lets them start in any order.
    """

    url: str
    ladder: Sequence[timedelta]
    seed: int = 1
    duplicates: float = 0.0
    losses: float = 0.0
    shuffled: bool = False
    acknowledged: int = 0
    given_up: int = 0
    lost: int = 0
    statuses: list[int] = field(default_factory=list)
    _queue: list[_Due] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        """The same seed misbehaves alike."""
        self._random = random.Random(self.seed)

    def add(self, at: datetime, attempt: Attempt) -> None:
        """Deliver something for the first time at a moment."""
        if self._random.random() < self.losses:
            self.lost += 1
            return
        for _ in range(2 if self._random.random() < self.duplicates else 1):
            delay = timedelta(seconds=self._random.randrange(60)) if self.shuffled else timedelta(0)
            self._push(at + delay, 0, attempt)

    def run(self, until: datetime) -> None:
        """Make every attempt that is due before a moment of the virtual clock."""
        while self._queue and self._queue[0].at <= until:
            due = heapq.heappop(self._queue)
            headers, body = due.attempt(due.at)
            status = post(self.url, headers, body)
            self.statuses.append(status)
            if status == 200:
                self.acknowledged += 1
            elif due.tries < len(self.ladder):
                self._push(due.at + self.ladder[due.tries], due.tries + 1, due.attempt)
            else:
                self.given_up += 1

    @property
    def waiting(self) -> int:
        """Deliveries that will be tried again."""
        return len(self._queue)

    def _push(self, at: datetime, tries: int, attempt: Attempt) -> None:
        self._count += 1
        heapq.heappush(self._queue, _Due(at, self._count, tries, attempt))
