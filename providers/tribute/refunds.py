"""Refunds of a shop order's sales, told by a flag or by a row of their own, never counted twice; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from providers.tribute.parse import SALE, Row, ShopOrder
from providers.tribute.sales import Sale, money_of, set_aside
from reconciler.errors import BadRecord
from reconciler.model import Kind, Quarantined, Status, Transaction


def refunds_of(
    order: ShopOrder, sales: Sequence[Sale], rows: Iterable[Row], now: datetime, bad: list[Quarantined]
) -> Iterator[Transaction]:
    """One refund for each sale whose money went back, whether `isRefunded` says so, a row of its own, or both.

    Nobody documents whether such rows exist (fact sheet A5.5). One that fits no sale, or several, is set aside.
    """
    back: dict[str, Row | None] = {sale.charge.ref: None for sale in sales if sale.row.refunded}
    taken: set[str] = set()
    for row in sorted(rows, key=lambda row: (row.at, int(row.id))):
        if row.type == SALE and row.amount >= 0:
            continue
        try:
            sale = _given_back(order, row, [sale for sale in sales if sale.charge.ref not in taken], back)
        except BadRecord as error:
            bad.append(set_aside(order, row, str(error)))
            continue
        taken.add(sale.charge.ref)
        back[sale.charge.ref] = row if _alike(sale, sales) == 1 else None
    for sale in sales:
        if sale.charge.ref in back:
            yield refund_of(sale.charge, back[sale.charge.ref], now)


def _given_back(order: ShopOrder, row: Row, sales: Sequence[Sale], back: Mapping[str, Row | None]) -> Sale:
    """The sale that a row gives back: a flagged one if there is one, else the only one that fits. Raises BadRecord."""
    if row.amount >= 0 and "refund" not in row.type.casefold():
        raise BadRecord(f"the type {row.type[:40]!r} is not known")
    money, _ = money_of(order, row)
    fitting = [sale for sale in sales if sale.money == money and sale.row.at <= row.at]
    flagged = [sale for sale in fitting if sale.charge.ref in back]
    if not flagged and len(fitting) != 1:
        raise BadRecord(f"money of type {row.type[:40]!r} went back, and {len(fitting) or 'no'} sales fit it")
    return flagged[0] if flagged else fitting[0]


def refund_of(charge: Transaction, row: Row | None, now: datetime) -> Transaction:
    """The refund of a charge; without a row of its own nobody says when it happened, so it is seen now."""
    return replace(
        charge,
        ref=f"{charge.ref}:refund",
        kind=Kind.REFUND,
        status=Status.COMPLETED,
        parent_ref=charge.ref,
        occurred_at=row.at if row else now,
        occurred_text=row.at_text if row else "",
        occurred_exact=row is not None,
        fee_minor=None,
        reason=row.type if row and row.type != SALE else None,
    )


def _alike(sale: Sale, sales: Sequence[Sale]) -> int:
    return sum(other.money == sale.money for other in sales)
