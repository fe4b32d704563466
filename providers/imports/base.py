"""What an importer makes of a row: facts with the record they came from, or a reason why it cannot be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from providers.imports.mapping import Values
from reconciler.model import Order, RawRecord, Transaction
from reconciler.money import Money
from reconciler.store.disputes import NewDispute

FEED = "import."
"""Feeds and raw records of an import begin so: what only an import told never causes an automatic command."""

Fact = Transaction | Order | NewDispute


def subject(fact: Fact) -> str:
    """What a fact is about: a file that gives two sums for it contradicts itself."""
    if isinstance(fact, Order):
        return fact.order_id
    return f"chargeback {fact.id}" if isinstance(fact, NewDispute) else f"{fact.provider}/{fact.ref}"


def identity(fact: Fact) -> str:
    """What two rows have in common that say the same; a chargeback's stages are told one by one."""
    return f"{subject(fact)} {fact.stage} {fact.reached_at}" if isinstance(fact, NewDispute) else subject(fact)


def sum_of(fact: Fact) -> Money:
    """The sum that a fact tells of."""
    return fact.money if isinstance(fact, NewDispute) else Money(fact.amount_minor, fact.currency)


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
