"""DigiSeller's stored records as facts again; pure."""

from datetime import datetime
from typing import Any

from providers.digiseller import parse
from reconciler.errors import BadRecord
from reconciler.model import Page


def facts(source: str, key: str, body: Any, read_at: datetime) -> Page:
    """What a record said when it was read; raises BadRecord."""
    if source == parse.SALES:
        return Page(source, parse.sale(body).transactions(read_at))
    if source == parse.DETAILS:
        return parse.details(key, body, read_at)
    if source == parse.RECEIPTS:
        refund = parse.receipt(body)
        return Page(source, (refund,) if refund else ())
    if source == parse.CHATS:
        ref, last_at = parse.chat(body)
        return Page(source, signals=(parse.chat_signal(ref, body, last_at),))
    raise BadRecord(f"nothing reads records of {source}")
