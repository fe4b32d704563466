"""What arrives at the web server from a provider, as plain values: the delivery, and the event that it carries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from reconciler.errors import ReconcilerError
from reconciler.text import body_text

log = structlog.get_logger()
NOT_SHOWN = {"not_shown": "the content cannot be shown without a fault of this program; the inbox keeps it as it came"}
LATE = timedelta(hours=26)
"""An event older than every retry of its provider: it may be a replay, so it never triggers a command by itself."""


class Forged(ReconcilerError):
    """The delivery is not signed with a key of ours; the answer never says which part was wrong."""


class NotJson(ReconcilerError):
    """The delivery is signed, and is no JSON: the provider's fault, told to it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came in: header names are lower-case, everything else is left as bytes."""

    method: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key == name]


def shown_or_note(show: Callable[[Delivery], Any], delivery: Delivery) -> Any:
    """What people may see of a delivery; where this program fails at that a note instead, so that nobody has to wait.

    Only what can be written down counts as shown.
    """
    try:
        body = show(delivery)
        body_text(body)
    except Exception:
        log.exception("an event could not be shown", bytes=len(delivery.body))
        return NOT_SHOWN
    return body


@dataclass(frozen=True, slots=True)
class Event:
    """What a genuine delivery is about.

    `key` is the same for every attempt of one event, `content` for every attempt that says the same about money and
    ids. `ref` is the transaction or order it is about. `old_key` says that the previous secret signed it.
    """

    provider: str
    name: str
    key: str
    content: str
    ref: str | None = None
    event_at: datetime | None = None
    old_key: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event with its delivery, ready to be stored."""

    event: Event
    delivery: Delivery
    received_at: datetime

    @property
    def late(self) -> bool:
        """Whether it is older than any retry explains."""
        return self.event.event_at is not None and self.received_at - self.event.event_at > LATE


class Door(Protocol):
    """The part of a provider that the web server needs: it tells genuine deliveries from others, and touches no I/O."""

    @property
    def name(self) -> str:
        """The last part of its address, `/webhooks/NAME`."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that the provider delivers by."""
        ...

    @property
    def described(self) -> Mapping[str, object]:
        """What OpenAPI says about its request."""
        ...

    def looks_signed(self, head: Delivery) -> bool:
        """Whether a delivery whose body is not read yet may be genuine; never raises."""
        ...

    def accept(self, delivery: Delivery) -> Event:
        """The event of a genuine delivery; raises Forged and NotJson, and nothing else whatever the bytes are."""
        ...
