"""Reads stored raw records again, with the parsers of the pull: the facts that they gave when they were read."""

from collections.abc import Iterator, Mapping, Sequence

from providers.base import Charges, Rereader, Stored
from providers.digiseller import stored as digiseller
from providers.imports import stored as imports
from providers.imports.base import FEED
from providers.shop import stored as shop
from providers.tribute import stored as tribute
from reconciler.errors import BadRecord
from reconciler.model import Page

READERS: Mapping[str, Rereader] = {"digiseller": digiseller.facts, "tribute": tribute.facts, "shop": shop.facts}
"""What reads the records of each source again."""


def facts(unit: Sequence[Stored], charges: Charges) -> Iterator[Page]:
    """The facts of records that were read together; raises BadRecord where one cannot be understood any more."""
    first = unit[0]
    if first.source.startswith(FEED):
        yield from imports.facts(unit, charges)
    elif first.provider in READERS:
        yield from READERS[first.provider](unit, charges)
    else:
        raise BadRecord(f"nothing reads records of {first.provider}")
