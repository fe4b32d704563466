"""What every source of records offers: feeds to read window by window, and a check of its own health."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from reconciler.model import Page, Window

MAX_SKEW_S = 120
"""Clocks further apart than this are a fault: windows that one of them names say nothing about the other's records."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One stream of records. `fetch(window)` yields pages; the last page of a window carries `drained` or `gap`.

    Without `reach` a pull begins at the feed's watermark less the overlap; with it, `reach` before now. A feed with
    `every` is read at most that often (the sweeps). `main` marks the feed whose completeness lets absence be
    concluded. With `round` the feed is read part by part, so that all of `reach` comes by once in that time. With
    `whole_every` it is read from its very beginning again that often. Both find what is dated back or changed late.
    """

    name: str
    fetch: Callable[[Window], Iterator[Page]]
    reach: timedelta | None = None
    every: timedelta | None = None
    main: bool = False
    round: timedelta | None = None
    whole_every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `doctor`: `state` is `ok`, `warning` or `failed`; `advice` says what to do."""

    name: str
    state: str
    message: str
    advice: str = ""


class Source(Protocol):
    """A place that records come from: a provider or the shop."""

    @property
    def name(self) -> str:
        """What its feeds and records are named after."""
        ...

    @property
    def ahead_s(self) -> float | None:
        """How many seconds this machine's clock is ahead of the source's, None while nothing tells."""
        ...

    def feeds(self) -> tuple[Feed, ...]:
        """The feeds in the order in which they are to be read."""
        ...

    def check(self) -> Iterator[Check]:
        """Look at log-in, rights and clock without changing anything."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


class Provider(Source, Protocol):
    """A payment provider: also reads single charges on demand."""

    def read(self, refs: Iterable[str]) -> Iterator[Page]:
        """Look up charges one by one by the provider's own ref.

        Each yields a page with a `ChargeState` (`found=False` where the provider knows none), the charge itself when
        it was not listed, and its reversals and signals, or with a `FailedLook` for one that could not be read while
        the provider answers otherwise. Raises Retryable or NeedsOperator as the feeds do.
        """
        ...
