"""Where deliveries wait for the one thread that stores them: many in one commit, answered once it has returned."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog

from reconciler.store import inbox, webhook_gaps
from reconciler.store.engine import write
from reconciler.webhooks import Arrival

MAX_WAITING = 512
"""Deliveries that may wait at once; past that the provider is asked to come again."""
BATCH = 500
GATHER_S = 0.003
"""How long deliveries are gathered once they come many together: fewer commits leave more time for taking in."""
PATIENCE_S = 5.0
"""How long a delivery waits for its commit: Tribute's own time-out is unknown, and it comes again."""
GIVE_WAY_S = 0.25
"""More than the longest pause between two tries of SQLite to begin."""
BEAT_S = 30.0
CALM_PER_S = 100
log = structlog.get_logger()


class Busy(Exception):
    """There is no place, or the storage does not answer: the provider has to come again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    answer: "asyncio.Future[None]"
    loop: asyncio.AbstractEventLoop


class Desk:
    """Takes arrivals from the event loop and stores them in a thread of its own; `start` and `stop` it.

    The thread also writes down every half minute that deliveries can be taken in.
    """

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime]) -> None:
        """Nothing is stored before `start`."""
        self._engine, self._now = engine, now
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread = threading.Thread(target=self._work, name="inbox", daemon=True)
        self._reception: int | None = None
        self._beat_at_s = 0.0
        self._many = False
        self._second, self._stored, self._before = 0, 0, 0

    def start(self, reception: int) -> None:
        """Begin to store; `reception` is this life's row in the books."""
        self._reception = reception
        self._beat_at_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Store what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    @property
    def calm(self) -> bool:
        """Whether so little comes in that other work may have the storage: it has one writer at a time."""
        gone = int(time.monotonic()) - self._second
        return gone > 1 or (self._stored if gone else max(self._stored, self._before)) < CALM_PER_S

    def give_way(self) -> None:
        """Wait, though not for long, until nothing waits to be stored: SQLite has one writer, and does not queue them.

        Whoever writes again and again has to call this in between, or the desk may never find its gap.
        """
        until_s = time.monotonic() + GIVE_WAY_S
        while self._waiting and time.monotonic() < until_s:
            time.sleep(GATHER_S)

    @property
    def full(self) -> bool:
        """Whether there is no place for another delivery; only the event loop may ask."""
        return self._waiting >= MAX_WAITING

    async def put(self, arrival: Arrival) -> None:
        """Return once the arrival is committed; raises Busy when it cannot be, or not in time."""
        if self.full:
            raise Busy
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting += 1
        self._queue.put(_Waiting(arrival, answer, loop))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await answer
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= 1

    def _work(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._batch()
            self._many = len(batch) > 1
            stored = self._store(batch) if batch else True
            if batch:
                _call(batch[0].loop, batch, stored)
            if time.monotonic() - self._beat_at_s >= BEAT_S or stopping:
                self._beat()

    def _batch(self) -> tuple[list[_Waiting], bool]:
        """What waits now, at most `BATCH`, and whether the end has come; waits for the first one up to a beat."""
        batch: list[_Waiting] = []
        try:
            item = self._queue.get(timeout=BEAT_S)
            if self._many:
                time.sleep(GATHER_S)
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    return batch, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _store(self, batch: Sequence[_Waiting]) -> bool:
        try:
            with write(self._engine, alone=False) as connection:
                inbox.take_in(connection, [item.arrival for item in batch])
        except (sa.exc.SQLAlchemyError, OSError) as error:
            log.error("deliveries were not stored, their senders will try again", error=str(error).splitlines()[0])
            return False
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._stored, self._before = second, 0, self._stored if second == self._second + 1 else 0
        self._stored += len(batch)
        return True

    def _beat(self) -> None:
        self._beat_at_s = time.monotonic()
        try:
            with write(self._engine, alone=False) as connection:
                webhook_gaps.beat(connection, self._reception or 0, self._now())
        except (sa.exc.SQLAlchemyError, OSError) as error:
            log.error("the time of reception was not written down", error=str(error).splitlines()[0])


def _call(loop: asyncio.AbstractEventLoop, batch: Sequence[_Waiting], stored: bool) -> None:
    try:
        loop.call_soon_threadsafe(_answer, batch, stored)
    except RuntimeError:  # the server has ended: nobody waits for the answer any more, and the senders try again
        log.warning("deliveries lost their senders", count=len(batch), stored=stored)


def _answer(batch: Sequence[_Waiting], stored: bool) -> None:
    for item in batch:
        if not item.answer.done():  # a sender whose patience ended was answered already
            if stored:
                item.answer.set_result(None)
            else:
                item.answer.set_exception(Busy())
