"""One example of a detector: a world, and what is found in it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """A world; `found` are (reason, transaction_ids, order_id) of the kind in question, none when it stays silent."""

    title: str
    facts: tuple[Any, ...]
    found: tuple[tuple[str | None, tuple[str, ...], str | None], ...] = ()
