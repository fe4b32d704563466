"""Stored rows of imported files as facts again; pure."""

from collections.abc import Iterator, Sequence

from providers.base import Charges, Stored
from providers.imports import IMPORTERS
from providers.imports.base import FEED
from providers.imports.mapping import Values
from providers.shop import stored as shop
from providers.shop.rows import ORDERS
from reconciler.errors import BadRecord
from reconciler.model import Order, Page, Transaction


def facts(unit: Sequence[Stored], _charges: Charges) -> Iterator[Page]:
    """What each row told; a chargeback is no fact of the pull, and stands among those of the operators."""
    for record in unit:
        yield _page(record)


def _page(record: Stored) -> Page:
    name = record.source.removeprefix(FEED)
    if name == ORDERS.name:  # kept in the form of the shop's own rows
        return shop.page(f"shop.{name}", record.key, record.body)
    if name == "chargebacks":
        return Page(record.source)
    importer = next((one for one in IMPORTERS if one.name == name), None)
    if importer is None:
        raise BadRecord(f"nothing reads records of {record.source}")
    told = importer.read(Values.stored(record.body), record.read_at).facts
    return Page(
        record.source,
        transactions=tuple(fact for fact in told if isinstance(fact, Transaction)),
        orders=tuple(fact for fact in told if isinstance(fact, Order)),
    )
