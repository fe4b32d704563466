"""Where the time of a command goes: named steps, one inside another, measured only while somebody listens."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

Path = tuple[str, ...]
A = TypeVar("A")
B = TypeVar("B")


@dataclass(slots=True)
class Taken:
    """How often a step was gone through, and the seconds that it took in all."""

    times: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Timer:
    """Steps by their path, in the order in which they began; `watch` hears of each as it begins."""

    watch: Callable[[str], None] = lambda _step: None
    steps: dict[Path, Taken] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, path: Path) -> None:
        """Note that a step begins."""
        with self._lock:
            self.steps.setdefault(path, Taken())
        self.watch(" › ".join(path))

    def end(self, path: Path, seconds: float) -> None:
        """Add to what a step took."""
        with self._lock:
            self.steps[path].times += 1
            self.steps[path].seconds += seconds


_at: ContextVar[tuple[Timer, Path] | None] = ContextVar("step", default=None)


@contextmanager
def timed(timer: Timer) -> Iterator[Timer]:
    """Have every step of the block measured by `timer`."""
    token = _at.set((timer, ()))
    try:
        yield timer
    finally:
        _at.reset(token)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Measure a block, or a function that is decorated with it; costs next to nothing while nobody listens."""
    at = _at.get()
    if at is None:
        yield
        return
    timer, above = at
    path = (*above, name)
    timer.begin(path)
    token, began = _at.set((timer, path)), time.perf_counter()
    try:
        yield
    finally:
        timer.end(path, time.perf_counter() - began)
        _at.reset(token)


def carried(work: Callable[[A], B]) -> Callable[[A], B]:
    """The same work for another thread: its steps count as part of the step that is at work here."""
    at = _at.get()

    def inside(given: A) -> B:
        token = _at.set(at)
        try:
            return work(given)
        finally:
            _at.reset(token)

    return inside
