"""What a made-up DigiSeller knows and how it writes it: one invoice, its records, and a switch for each unknown."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

MOSCOW = ZoneInfo("Europe/Moscow")
SOLD = (3, 35, 5)
_DECIMAL = re.compile(r'\{"\$decimal": "([^"]+)"\}')


@dataclass(slots=True)
class SimulatedSale:
    """One invoice. `query_string` is plain text, `hidden` is counted in `total_rows` but never shown."""

    invoice_id: int
    paid_at: datetime
    amount: Decimal = Decimal("4.99")
    credited: Decimal = Decimal("4.71")
    currency: str = "WMZ"
    email: str = "buyer@example.com"
    product_id: int = 2000101
    product_name: str = "Credits, 500"
    code: str = ""
    query_string: str | None = None
    external_order_id: str | None = None
    state: int = 3
    returned: int = 0
    refunded_at: datetime | None = None
    refunded: Decimal | None = None
    code_state: int | None = 1
    feedback: dict[str, Any] | None = None
    chat_state: int = 1
    chat_at: datetime | None = None
    entries: tuple[int, ...] = ()
    hidden: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Switches:
    """How this DigiSeller behaves where nobody in public says, and what it gets wrong."""

    sells_limit: int = 4
    sells_period_s: float = 60.0
    retry_after_s: int | None = None
    token_minutes: int = 120
    new_login_ends_old_token: bool = False
    valid_thru_zone: bool = True
    empty_pages: int = 0
    rows_null: bool = False
    bounds_inclusive: bool = True
    order: Literal["newest", "oldest", "mixed"] = "newest"
    total_rows_off: int = 0
    returned_by_sale_date: bool = True
    receipts_zone: tzinfo = MOSCOW
    receipts_ignore_filters: bool = False
    chats_documented_shape: bool = False
    not_found_as_404: bool = False
    unique_code_state_null: bool = False
    zero_after_refund: bool = False
    retval_text: bool = False
    numbers_as_text: bool = False
    extra_fields: bool = False
    bom: bool = False
    forbidden: tuple[str, ...] = ()
    forbidden_status: int = 403


def row(sale: SimulatedSale, entry: int, switches: Switches) -> dict[str, Any]:
    """A row of the sales list: a sale has one for each content entry."""
    more = {"amount_in_usd": sale.amount, "something_new": {"a": [1]}} if switches.extra_fields else {}
    return {
        "invoice_id": sale.invoice_id,
        "product_id": sale.product_id,
        "product_name": sale.product_name,
        "product_entry_id": entry,
        "product_entry": sale.code,
        "date_put": "0001-01-01 00:00:00",
        "date_pay": f"{sale.paid_at.astimezone(MOSCOW):%Y-%m-%d %H:%M:%S}",
        "email": sale.email,
        "wmid": "000000000000",
        "amount_in": sale.amount,
        "amount_out": sale.credited,
        "amount_currency": sale.currency,
        "method_pay": "Bank Card",
        "aggregator_pay": "PayMaster",
        "ip": "203.0.113.20",
        "partner_id": "0",
        "lang": "ru-RU",
        "returned": sale.returned,
        "owner": 0,
        **more,
        **sale.extra,
    }


def info(sale: SimulatedSale, switches: Switches) -> dict[str, Any]:
    """The content of `purchase/info`."""
    zeroed = switches.zero_after_refund and sale.state == 5
    paid = sale.state in SOLD
    content = {
        "item_id": sale.product_id,
        "content_id": sale.entries[0],
        "cart_uid": None,
        "name": sale.product_name,
        "amount": Decimal("0.0") if zeroed else sale.amount,
        "currency_type": sale.currency,
        "invoice_state": sale.state,
        "purchase_date": dotted(sale.paid_at),
        "date_pay": dotted(sale.paid_at) if paid else None,
        "agent_id": None,
        "agent_percent": None,
        "agent_fee": Decimal("0.0"),
        "profit": (Decimal("0.0") if zeroed else sale.credited) if paid else None,
        "amount_usd": sale.amount if paid else None,
        "query_string": base64.b64encode(sale.query_string.encode()).decode() if sale.query_string else None,
        "unit_goods": None,
        "cnt_goods": Decimal("1.0"),
        "promo_code": None,
        "bonus_code": None,
        "feedback": sale.feedback,
        "unique_code_state": _code_state(sale, switches),
        "options": [{"id": 3880001, "name": "Account", "user_data": sale.email, "user_data_id": None}],
        "buyer_info": {
            "payment_method": "Bank Card",
            "account": None,
            "email": sale.email,
            "ip_address": "203.0.113.20",
        },
        "referer": f"https://oplata.info/info/buy.asp?id_i={sale.invoice_id}&uid={'5e' * 16}",
        "owner": 0,
        "day_lock": 3,
        "lock_state": "free",
        "external_order_id": sale.external_order_id,
    }
    return {**content, **({"something_new": [{}]} if switches.extra_fields else {}), **sale.extra}


def receipts(sale: SimulatedSale) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The account operations of a sale, each with its time."""
    if sale.state in SOLD:
        yield sale.paid_at, _operation(sale, sale.invoice_id * 10 + 1, "product_sales", sale.paid_at, sale.credited)
    if sale.refunded_at:
        back = _operation(sale, sale.invoice_id * 10 + 2, "refund", sale.refunded_at, -sale.credited)
        if sale.refunded is not None:
            back["operation"]["price"] = sale.refunded
        yield sale.refunded_at, back


def chat(sale: SimulatedSale, switches: Switches) -> dict[str, Any]:
    """A chat of the list."""
    product = sale.product_id if switches.chats_documented_shape else sale.product_name
    when = f"{(sale.chat_at or sale.paid_at).astimezone(MOSCOW):%Y-%m-%d %H:%M:%S}"
    said = {"cnt_msg": 3, "cnt_new": 1}
    return {"id_i": sale.invoice_id, "email": sale.email, "product": product, "last_date": when, **said}


def dotted(when: datetime) -> str:
    """The other form of dates: Moscow's clock, the hour without a leading zero."""
    local = when.astimezone(MOSCOW)
    return f"{local:%d.%m.%Y} {local.hour}:{local:%M:%S}"


def written(value: Any, switches: Switches) -> bytes:
    """A JSON body with exact decimals, and with the numbers, verdicts and BOM that the switches ask for."""
    if switches.retval_text and isinstance(value, dict) and "retval" in value:
        value = {**value, "retval": str(value["retval"])}
    body = json.dumps(_texts(value) if switches.numbers_as_text else value, ensure_ascii=False, default=_exact)
    return (b"\xef\xbb\xbf" if switches.bom else b"") + _DECIMAL.sub(r"\1", body).encode()


def _operation(sale: SimulatedSale, number: int, kind: str, when: datetime, on_account: Decimal) -> dict[str, Any]:
    operation = {
        "id": sale.invoice_id,
        "type": kind,
        "datetime": f"{when.astimezone(MOSCOW):%Y-%m-%dT%H:%M:%S}",
        "percent": 0,
        "price": sale.amount,
        "currency": sale.currency,
        "on_account": on_account,
    }
    names = [{"locale": "ru-RU", "value": sale.product_name}]
    product = {"id": sale.product_id, "name": names, "deleted": False}
    return {"account_operation_id": number, "operation": operation, "owner_id": 0, "product": product, "response": None}


def _code_state(sale: SimulatedSale, switches: Switches) -> dict[str, Any] | None:
    if sale.state not in SOLD or (sale.code_state is None and switches.unique_code_state_null):
        return None
    checked, told = sale.code_state not in (None, 1), dotted(sale.paid_at)
    return {
        "state": sale.code_state,
        "date_check": told if checked else None,
        "date_delivery": told if sale.code_state in (2, 3, 4) else None,
        "date_confirmed": told if sale.code_state == 3 else None,
        "date_refuted": told if sale.code_state == 4 else None,
    }


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    raise TypeError(f"{type(value).__name__} is no JSON")


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
