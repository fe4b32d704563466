"""What the simulated Tribute remembers, and the JSON that it makes of that; what nobody documents can be switched."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

_OLD_STATES = {"refunded": "canceled"}
_NEW_STATES = {"processing": "pending"}


@dataclass
class Switches:
    """What nobody documents, each with the likelier form as its default. May be changed while the server runs.

    `refund_row` adds a row to the transactions of a refunded sale: `negative` is a sale below zero, `typed` a positive
    row of a type of its own. `paging` makes `nextFrom` lead in a circle. `unknown_fields` adds fields to every record.
    """

    transaction_unit: Literal["major", "minor"] = "major"
    refunded_at: Literal["initiated", "completed"] = "initiated"
    refund_row: Literal["off", "negative", "typed"] = "off"
    created_at: Literal["rfc3339", "no_zone"] = "rfc3339"
    empty: Literal["list", "null"] = "list"
    currency: Literal["lower", "upper"] = "lower"
    physical_states: Literal["new", "old"] = "new"
    errors: Literal["shop", "creator"] = "shop"
    ids: Literal["number", "text"] = "number"
    paging: Literal["right", "circle"] = "right"
    unknown_fields: bool = False
    page_size: int = 20


@dataclass
class Sale:
    """A payment of an order, as the simulator remembers it."""

    id: int
    amount_minor: int
    at: datetime
    recurring: bool
    fee_minor: int
    refund: Literal["none", "initiated", "completed"] = "none"
    flags: bool = True
    row_id: int = 0
    row_at: datetime | None = None


@dataclass
class ShopOrder:
    """A shop order, as the simulator remembers it.

    `extra` overrides or adds fields of its JSON; `rows` stand among its transactions beside its sales.
    """

    uuid: str
    shop_id: int
    amount_minor: int
    currency: str
    created_at: datetime
    status: str
    period: str
    extra: dict[str, Any]
    sales: list[Sale] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    last_paid_at: datetime | None = None


@dataclass(frozen=True)
class Forms:
    """The JSON of everything, as the switches are set at the moment of the call."""

    switches: Switches

    def order(self, order: ShopOrder) -> dict[str, Any]:
        """A shop order, in minor units."""
        record: dict[str, Any] = {
            "uuid": order.uuid,
            "shopId": order.shop_id,
            "amount": order.amount_minor,
            "currency": self._case(order.currency),
            "description": "Credits & more",
            "status": order.status,
            "successUrl": "https://shop.example/success",
            "failUrl": "https://shop.example/fail",
            "paymentUrl": f"https://web.tribute.tg/shop/pay/{order.uuid}",
            "createdAt": self._time(order.created_at),
            "period": order.period,
        }
        if order.last_paid_at:
            record["lastPaidTransactionAt"] = self._time(order.last_paid_at)
        record |= order.extra
        return self._with_unknown({name: value for name, value in record.items() if value is not None})

    def rows(self, order: ShopOrder) -> list[dict[str, Any]]:
        """Its transactions, newest first."""
        rows = [row for sale in order.sales for row in self._sale(order, sale)] + order.rows
        return sorted(rows, key=lambda row: (int(row["createdAt"]), int(row["id"])), reverse=True)

    def _sale(self, order: ShopOrder, sale: Sale) -> list[dict[str, Any]]:
        gone = sale.refund == "completed" or (sale.refund == "initiated" and self.switches.refunded_at == "initiated")
        row = self._row(order, sale.id, "shop_order_sell", sale.amount_minor, sale.fee_minor, sale.at)
        if sale.flags:
            row |= {"isRefunded": gone, "isRefundable": not gone, "isRecurring": sale.recurring}
        if sale.refund == "none" or sale.row_at is None or self.switches.refund_row == "off":
            return [row]
        typed = self.switches.refund_row == "typed"
        kind, sign = ("shop_order_refund", 1) if typed else ("shop_order_sell", -1)
        return [row, self._row(order, sale.row_id, kind, sign * sale.amount_minor, 0, sale.row_at)]

    def _row(self, order: ShopOrder, number: int, kind: str, amount: int, fee: int, at: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": str(number) if self.switches.ids == "text" else number,
            "type": kind,
            "objectId": 100,
            "amount": self._money(amount),
            "currency": self._case(order.currency),
            "createdAt": int(at.timestamp()),
            "serviceFee": self._money(fee),
            "total": self._money(amount - fee),
            "paymentMethod": "bank_card",
        }
        return self._with_unknown(row)

    def good(self, record: dict[str, Any]) -> dict[str, Any]:
        """An order of goods, in the set of states that is in force."""
        states = _NEW_STATES if self.switches.physical_states == "new" else _OLD_STATES
        return self._with_unknown(record | {"status": states.get(record["status"], record["status"])})

    def _with_unknown(self, record: dict[str, Any]) -> dict[str, Any]:
        return record | {"madeUpField": {"deep": [1, None]}} if self.switches.unknown_fields else record

    def or_null(self, rows: list[Any]) -> list[Any] | None:
        """A list, where an empty one may be null."""
        return rows or (None if self.switches.empty == "null" else rows)

    def _time(self, at: datetime) -> str:
        form = "%Y-%m-%dT%H:%M:%SZ" if self.switches.created_at == "rfc3339" else "%Y-%m-%d %H:%M:%S"
        return at.astimezone(UTC).strftime(form)

    def _money(self, minor: int) -> int | float:
        return minor if self.switches.transaction_unit == "minor" else json_number(str(Decimal(minor) / 100))

    def _case(self, currency: str) -> str:
        return currency.lower() if self.switches.currency == "lower" else currency.upper()


def shop_json(number: int) -> dict[str, Any]:
    """An active shop as `/shops` lists it."""
    return {
        "id": number,
        "userId": 123,
        "name": f"Shop {number}",
        "link": f"shop{number}",
        "callbackUrl": "https://shop.example/webhook",
        "recurrent": True,
        "onlyStars": False,
        "tokenCharging": False,
        "status": 1,
    }


def json_number(text: str) -> int | float:
    """A JSON number as Go writes it: whole ones without a point."""
    value = Decimal(text)
    number: int | float = int(value) if value == int(value) else json.loads(text)
    return number
