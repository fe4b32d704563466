"""DigiSeller's stored records as facts again; pure."""

from collections.abc import Iterator, Sequence

from providers.base import Charges, Stored
from providers.digiseller import parse
from reconciler.errors import BadRecord
from reconciler.model import Page


def facts(unit: Sequence[Stored], _charges: Charges) -> Iterator[Page]:
    """What each record said when it was read; raises BadRecord."""
    for record in unit:
        yield _page(record)


def _page(record: Stored) -> Page:
    source, body = record.source, record.body
    if source == parse.SALES:
        return Page(source, parse.sale(body).transactions(record.read_at))
    if source == parse.DETAILS:
        return parse.details(record.key, body, record.read_at)
    if source == parse.RECEIPTS:
        refund = parse.receipt(body)
        return Page(source, (refund,) if refund else ())
    if source == parse.CHATS:
        ref, last_at = parse.chat(body)
        return Page(source, signals=(parse.chat_signal(ref, body, last_at),))
    raise BadRecord(f"nothing reads records of {source}")
