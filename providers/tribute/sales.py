"""The sales of a shop order: which transactions are charges, under which ref, in which unit; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from providers.tribute import records
from providers.tribute.parse import SALE, Row, ShopOrder
from providers.tribute.records import PROVIDER, TRANSACTIONS
from reconciler.errors import BadRecord
from reconciler.model import Kind, Quarantined, Status, Transaction
from reconciler.money import Money, check_minor, to_minor


@dataclass(frozen=True, slots=True)
class Sale:
    """A charge and the row that it was made of."""

    charge: Transaction
    row: Row

    @property
    def money(self) -> Money:
        """What the buyer paid."""
        return Money(self.charge.amount_minor, self.charge.currency)


def alone(order: ShopOrder) -> Transaction:
    """The charge that the order itself stands for; when it was paid is known only as far as the order says it."""
    trial = order.trial and order.status is Status.PAID
    return Transaction(
        provider=PROVIDER,
        ref=order.uuid,
        kind=Kind.CHARGE,
        status=Status.TRIAL if trial else order.status,
        amount_minor=order.money.minor,
        currency=order.money.currency,
        occurred_at=order.last_paid_at or order.created_at,
        occurred_text=order.last_paid_text or order.created_text,
        occurred_exact=False,
        group_ref=order.uuid,
        shared=True,
        recurring=order.recurring,
        title=order.title,
        buyer_email=order.buyer_email,
        telegram_user_id=order.telegram_user_id,
    )


def sales_of(order: ShopOrder, rows: Iterable[Row], bad: list[Quarantined]) -> Iterator[Sale]:
    """The sales in time order. One whose money fits nothing still holds its place, so that refs never move."""
    moved = [row for row in rows if row.type == SALE and (row.amount > 0 or (row.amount == 0 and not order.trial))]
    for place, row in enumerate(sorted(moved, key=lambda row: (row.at, int(row.id)))):
        try:
            charge = _charge(order, row, first=place == 0)
        except BadRecord as error:
            bad.append(set_aside(order, row, str(error)))
            if place:
                continue
            charge = alone(replace(order, trial=False))
        yield Sale(charge, row)


def money_of(order: ShopOrder, row: Row) -> tuple[Money, int | None]:
    """The row's amount and fee in the unit in which the amount is one of the order's prices (fact sheet A10.1).

    Major units are the documented reading; the minor one is taken only where it alone fits. Raises BadRecord.
    """
    amount = abs(row.amount)
    major = Money(to_minor(amount, row.currency), row.currency)
    if major in order.prices:
        return major, None if row.fee is None else to_minor(row.fee, row.currency)
    if amount == int(amount) and Money(int(amount), row.currency) in order.prices:
        return Money(int(amount), row.currency), None if row.fee is None else _whole(row)
    prices = " or ".join(f"{price.minor} {price.currency}" for price in order.prices)
    raise BadRecord(
        f"{row.amount} {row.currency} is not the order's price ({prices} in minor units), "
        "neither read as major units nor as minor ones"
    )


def set_aside(order: ShopOrder, row: Row, reason: str) -> Quarantined:
    reason = f"transaction of order {order.uuid}: {reason}"
    return records.quarantined(TRANSACTIONS, row_key(order, row), reason, row.body)


def row_key(order: ShopOrder, row: Row) -> str:
    return f"{order.uuid}:{row.id}"


def _charge(order: ShopOrder, row: Row, *, first: bool) -> Transaction:
    money, fee_minor = money_of(order, row)
    return replace(
        alone(order),
        ref=order.uuid if first else row_key(order, row),
        status=order.status,
        amount_minor=money.minor,
        currency=money.currency,
        fee_minor=fee_minor,
        occurred_at=row.at,
        occurred_text=row.at_text,
        occurred_exact=True,
    )


def _whole(row: Row) -> int:
    if row.fee is None or row.fee != int(row.fee):
        raise BadRecord(f"the fee {row.fee} is not in whole minor units, as the amount is")
    return check_minor(int(row.fee))
