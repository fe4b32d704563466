"""What every source of records offers: feeds to read window by window, and a check of its own health."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from reconciler.model import Page, Window
from reconciler.webhooks import Delivery, Door

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


@dataclass(frozen=True, slots=True)
class Known:
    """A charge as it is stored: what an event about the same order has to fit. `listed`: the API itself showed it."""

    ref: str
    status: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    listed: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when an event is worked through: the stored charges of its ref, by their own refs.

    `looked` is True once the provider's API was asked about the ref after the event came in.
    """

    received_at: datetime
    charges: Mapping[str, Known] = field(default_factory=dict)
    looked: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A raw record as it is stored, with when it was read, and the provider's letter for how."""

    provider: str
    source: str
    key: str
    body: Any
    read_at: datetime
    how: str = ""


Charges = Callable[[str, str], Mapping[str, Known]]
"""The charges that are known under a provider's ref: what an event has to fit."""

Rereader = Callable[[Sequence[Stored], Charges], Iterator[Page]]
"""The facts of stored records that were read together, one page for each part; raises BadRecord."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an event says: facts to store, and in a few words what became of it.

    With `look` it is not done yet: the provider's API has to be asked about that ref first, or again.
    """

    page: Page
    note: str
    look: str | None = None
    understood: bool = True


class Receiver(Door, Protocol):
    """What a provider pushes: takes deliveries in, and says later what they mean."""

    @property
    def telling(self) -> frozenset[str]:
        """The names of the events that tell of a paid charge."""
        ...

    @property
    def told_forms(self) -> tuple[str, ...]:
        """The forms (SQL LIKE) of refs that both the API and an event have to show."""
        ...

    @property
    def retry_window(self) -> timedelta | None:
        """How long an event is delivered again and again; None where nothing is lost by missing one."""
        ...

    def read(self, delivery: Delivery, situation: Situation) -> Told:
        """What a stored delivery says; pure. Raises BadRecord."""
        ...

    def shown(self, delivery: Delivery) -> Any:
        """The delivery's content as people may see it: without secrets and without what is nobody's business."""
        ...

    def sample(self) -> Delivery:
        """A signed delivery that changes nothing, to try the way in."""
        ...
