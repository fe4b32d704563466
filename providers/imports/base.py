"""What an importer makes of a row: facts with the record they came from, or a reason why it cannot be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from providers.imports.mapping import Values
from reconciler.model import Order, RawRecord, Transaction

FEED = "import."
"""Feeds and raw records of an import begin so: what only an import told never causes an automatic command."""

Fact = Transaction | Order


@dataclass(frozen=True, slots=True)
class Understood:
    """The facts of one row and their record; `at` is when it happened at the provider."""

    facts: tuple[Fact, ...]
    raw: RawRecord
    at: datetime


@dataclass(frozen=True, slots=True)
class Importer:
    """How to read one kind of file. `read(row, now)` is pure and raises BadRecord.

    `source` names whose facts and records these are, a provider's or the shop's.
    """

    name: str
    source: str
    read: Callable[[Values, datetime], Understood]

    @property
    def feed(self) -> str:
        """What its pages are stored under."""
        return f"{FEED}{self.name}"
