"""Orders of physical goods as charges and refunds; pure. They come without a total and in major units."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from providers.tribute import fields, records
from providers.tribute.records import PROVIDER, Reading
from providers.tribute.refunds import refund_of
from reconciler.errors import BadRecord
from reconciler.model import ChargeState, Kind, Status, Transaction
from reconciler.money import check_minor, to_minor
from reconciler.text import fold_email

SOURCE = "tribute.physical"
_PAID = frozenset({"pending", "processing", "shipped", "delivered", "refunded"})
"""Both documented sets of states (fact sheet A4.4, A10.14). Whether money went back for a `canceled` one: unknown."""


def read_all(rows: Iterable[Any], now: datetime) -> Iterator[Reading]:
    """Each order's charge and refund; one that cannot be understood is set aside."""
    for record in rows:
        try:
            yield _read(fields.record_of(record), now)
        except BadRecord as error:
            bad = records.quarantined(SOURCE, records.key_of(record, "id"), f"physical order: {error}", record)
            yield Reading(quarantined=(bad,))


def total_minor(values: Mapping[str, Any], currency: str) -> int:
    """Sum of price times quantity plus delivery, in minor units (fact sheet A4.4); raises BadRecord.

    Prices are major units. A missing part is unknown and not zero, so there is no sum without it.
    """
    items = values.get("items")
    if not isinstance(items, list) or not items:
        raise BadRecord("the order has no items")
    goods = sum(_item_minor(fields.record_of(item), currency) for item in items)
    return check_minor(goods + _positive(values.get("deliveryCost"), currency, "deliveryCost"))


def _read(values: Mapping[str, Any], now: datetime) -> Reading:
    charge, state = _charge(values)
    refunds = (refund_of(charge, None, now),) if state == "refunded" else ()
    return Reading(
        (charge, *refunds),
        (ChargeState(PROVIDER, charge.ref, now, state=state),),
        (records.raw(SOURCE, fields.number_id(values.get("id")), values, now),),
    )


def _charge(values: Mapping[str, Any]) -> tuple[Transaction, str]:
    state = fields.text_of(values, "status")
    if state is None:
        raise BadRecord("the order has no status")
    currency = fields.currency(values.get("currency"))
    ref = f"physical:{fields.number_id(values.get('id'))}"
    charge = Transaction(
        provider=PROVIDER,
        ref=ref,
        kind=Kind.CHARGE,
        status=Status.PAID if state in _PAID else Status.UNKNOWN,
        amount_minor=total_minor(values, currency),
        currency=currency,
        occurred_at=fields.moment(values.get("created")),
        occurred_text=str(values["created"]),
        group_ref=ref,
        title=_title(values),
        buyer_email=fold_email(fields.text_of(values, "email")),
        telegram_user_id=fields.id_of(values, "telegramID", "telegramId"),
    )
    return charge, state


def _item_minor(item: Mapping[str, Any], currency: str) -> int:
    said = fields.text_of(item, "currency")
    if said and fields.currency(said) != currency:
        raise BadRecord(f"an item is priced in {said.upper()}, the order in {currency}")
    return _positive(item.get("price"), currency, "price") * fields.minor(item.get("quantity"), "quantity")


def _positive(value: object, currency: str, name: str) -> int:
    amount = to_minor(value, currency)
    if amount < 0:
        raise BadRecord(f"{name} {value} is below zero")
    return amount


def _title(values: Mapping[str, Any]) -> str | None:
    names = [fields.text_of(item, "name") for item in values["items"]]
    return ", ".join(dict.fromkeys(name for name in names if name)) or None
