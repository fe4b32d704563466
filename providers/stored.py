"""Reads stored raw records again, with the parsers of the pull: the facts that they gave when they were read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.base import Known
from providers.digiseller import stored as digiseller
from providers.imports import IMPORTERS
from providers.imports.base import FEED
from providers.imports.mapping import Values
from providers.shop import stored as shop
from providers.tribute import stored as tribute
from reconciler.errors import BadRecord
from reconciler.model import Order, Page, Transaction

Charges = Callable[[str, str], Mapping[str, Known]]
"""The charges of a provider that are known under one of its refs: what an event has to fit."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A raw record as it is stored, with when it was read and the provider's letter for how."""

    provider: str
    source: str
    key: str
    body: Any
    read_at: datetime
    how: str = ""


def parted(unit: Sequence[Stored]) -> list[Sequence[Stored]]:
    """The records of one look in parts that are understood each by itself: an order goes with its transactions."""
    return [unit] if unit[0].source == tribute.ORDERS else [[record] for record in unit]


def facts(unit: Sequence[Stored], charges: Charges) -> Page:
    """The facts of one such part; raises BadRecord where it cannot be understood any more."""
    first = unit[0]
    if first.source.startswith(FEED):
        return _imported(first)
    if first.provider == "digiseller":
        return digiseller.facts(first.source, first.key, first.body, first.read_at)
    if first.provider == "tribute":
        if first.source == tribute.ORDERS:
            return tribute.order(first.body, [record.body for record in unit[1:]], first.read_at, first.how)
        return tribute.facts(first.source, first.body, first.read_at, first.how, charges)
    return shop.facts(first.source, first.body)


def _imported(record: Stored) -> Page:
    """What a row of a file told; a chargeback is no fact of the pull, and stands among those of the operators."""
    name = record.source.removeprefix(FEED)
    importer = next((one for one in IMPORTERS if one.name == name), None)
    if name == "orders":
        return shop.facts("shop.orders", record.body)
    if name == "chargebacks":
        return Page(record.source)
    if importer is None:
        raise BadRecord(f"nothing reads records of {record.source}")
    told = importer.read(Values.stored(record.body), record.read_at).facts
    return Page(
        record.source,
        transactions=tuple(fact for fact in told if isinstance(fact, Transaction)),
        orders=tuple(fact for fact in told if isinstance(fact, Order)),
    )
