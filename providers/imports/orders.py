"""The shop's own orders from a file (contract section 3), for shops whose ledger keeps only the newest ones; pure."""

from dataclasses import replace
from datetime import UTC, datetime

from providers.imports import values
from providers.imports.base import FEED, Importer, Understood
from providers.imports.mapping import Values
from providers.shop import rows
from reconciler.errors import BadRecord

_TIMES = ("created_at", "updated_at", "delivered_at")
_NUMBERS = ("credits_ordered", "credits", "credits_used")
_IDS = ("order_id", "provider_ref", "account_id", "telegram_user_id", "product_id")


def read(row: Values, _now: datetime) -> Understood:
    """An order; times without zone are UTC, as in the shop's own tables. Raises BadRecord."""
    currency = row.need("currency", values.currency)
    minor = row.money(currency)
    if minor is None:
        raise BadRecord("amount: it is empty")
    cells = {name: value for name, value in row.cells.items() if name != "amount"} | {"amount_minor": minor}
    for name in _TIMES:
        cells[name] = row.get(name, lambda value: values.moment(value, row.zone or UTC))
    for names, parse in ((_NUMBERS, values.number), (_IDS, values.id_text), (("buyer_email",), values.text)):
        cells |= {name: row.get(name, parse) for name in names}
    order = rows.order(cells)
    raw = replace(rows.raw(rows.ORDERS, cells), source=f"{FEED}orders", key=order.order_id)
    return Understood((order,), raw, order.created_at)


IMPORTER = Importer("orders", "shop", read)
