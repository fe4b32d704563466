"""Sales and refunds of DigiSeller from a cabinet export, whose form nobody documents (fact sheet A12); pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from providers.digiseller import parse
from providers.digiseller.fields import MOSCOW, kept
from providers.imports import values
from providers.imports.base import FEED, Importer, Understood
from providers.imports.mapping import Values
from reconciler.errors import BadRecord
from reconciler.model import RawRecord, Transaction


def read(row: Values, now: datetime) -> Understood:
    """A sale, with its refund where the row says that it was returned; raises BadRecord.

    It knows less than a row of the sales list (`listed` is False), so the pull always has the last word.
    """
    currency = row.need("currency", values.currency)
    when = row.need("occurred_at", lambda value: values.moment(value, row.zone or MOSCOW))
    charge = replace(parse.sale(_listed(row, currency, when)).charge, listed=False)
    charge = replace(charge, occurred_text=str(row.cells["occurred_at"]).strip())
    back = _refund(row, charge, now)
    hashed = {parse.CODE_HASH: charge.code_hash} if charge.code_hash else {}
    raw = RawRecord(parse.PROVIDER, f"{FEED}digiseller", charge.ref, kept(row.kept()) | hashed, now)
    return Understood((charge, *([back] if back else [])), raw, when)


def _listed(row: Values, currency: str, when: datetime) -> dict[str, Any]:
    """The row in the form of the sales list, so that one parser reads both (fact sheet A3)."""
    paid = row.money(currency)
    if paid is None:
        raise BadRecord("amount: it is empty")
    credited = row.get("credited", lambda value: values.amount(value, currency))
    return {
        "invoice_id": row.need("ref", values.id_text),
        "amount_in": values.major(paid, currency),
        "amount_out": None if credited is None else values.major(credited, currency),
        "amount_currency": currency,
        "date_pay": when.isoformat(),
        "returned": "0",
        "product_id": row.get("product_id", values.id_text),
        "product_name": row.get("title", values.text),
        "email": row.get("buyer_email", values.text),
        "product_entry": row.get("unique_code", values.text),
        parse.CODE_HASH: row.cells.get(parse.CODE_HASH),
    }


def _refund(row: Values, charge: Transaction, now: datetime) -> Transaction | None:
    """The refund of the whole sale, at its own time where the row has one, else as of now and not exact."""
    back_at = row.get("refunded_at", lambda value: values.moment(value, row.zone or MOSCOW))
    if not row.get("returned", values.flag) and back_at is None:
        return None
    refund = parse.refund_of(charge, now)
    if back_at is None:
        return refund
    if back_at < charge.occurred_at:
        raise BadRecord("refunded_at: it lies before the sale")
    text = str(row.cells["refunded_at"]).strip()
    return replace(refund, occurred_at=back_at, occurred_text=text, occurred_exact=True)


IMPORTER = Importer("digiseller", parse.PROVIDER, read)
