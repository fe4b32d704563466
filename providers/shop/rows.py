"""Rows of the shop's three tables (contract section 3) as orders, accounts and payments, or in quarantine."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from providers.csv_rows import Row
from providers.shop import fields
from reconciler.errors import BadRecord
from reconciler.model import Account, Order, OrderStatus, Payment, Quarantined, RawRecord
from reconciler.text import clean, code_hash, fold_email, fold_uuid, storable

PROVIDERS = ("digiseller", "tribute")
UUID_PROVIDERS = ("tribute", None)
ACCOUNT_STATES = ("active", "suspended", "banned")
IDS = frozenset({"order_id", "account_id", "provider_ref", "telegram_user_id", "product_id"})
T = TypeVar("T")
_ORDER_STATES = tuple(state.value for state in OrderStatus)


@dataclass(frozen=True, slots=True)
class Shape:
    """What one table must look like. Each group of `required` needs one of its columns; `key` names a row."""

    name: str
    required: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...]
    key: tuple[str, ...]
    must_exist: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """Every column that is read; all others are ignored and never stored."""
        return (*(column for group in self.required for column in group), *self.optional)

    def lacking(self, columns: Iterable[str]) -> list[str]:
        """The required columns that are not there, alternatives joined by "or"."""
        there = set(columns)
        return [" or ".join(group) for group in self.required if not there.intersection(group)]

    def without(self, columns: Iterable[str]) -> list[str]:
        """The optional columns that are not there."""
        there = set(columns)
        return [column for column in self.optional if column not in there]


ORDERS = Shape(
    "orders",
    required=(
        ("order_id",),
        ("amount", "amount_minor"),
        ("currency",),
        ("status",),
        ("created_at",),
        ("delivered_at",),
        ("updated_at",),
    ),
    optional=(
        "provider",
        "provider_ref",
        "unique_code",
        "account_id",
        "buyer_email",
        "telegram_user_id",
        "product_id",
        "credits_ordered",
        "credits",
        "credits_used",
    ),
    key=("order_id",),
    must_exist=True,
)
ACCOUNTS = Shape(
    "accounts",
    required=(("account_id",), ("status",), ("updated_at",)),
    optional=("email", "telegram_user_id", "balance"),
    key=("account_id",),
)
PAYMENTS = Shape(
    "payments",
    required=(("order_id",), ("provider",), ("provider_ref",)),
    optional=(),
    key=("order_id", "provider", "provider_ref"),
)


def order(row: Mapping[str, Any], *, zoneless: bool = False) -> Order:
    """A row of `orders`; raises BadRecord naming the column. `zoneless`: see `fields.moment`."""
    currency = _needed(row, "currency", fields.currency_code)
    provider = _read(row, "provider", lambda value: fields.one_of(value, PROVIDERS))
    return Order(
        order_id=_needed(row, "order_id", fields.text_id),
        amount_minor=_amount(row, currency),
        currency=currency,
        status=_needed(row, "status", lambda value: fields.one_of(value, _ORDER_STATES)),
        created_at=_needed(row, "created_at", lambda value: fields.moment(value, zoneless=zoneless)),
        updated_at=_needed(row, "updated_at", lambda value: fields.moment(value, zoneless=zoneless)),
        delivered_at=_read(row, "delivered_at", lambda value: fields.moment(value, zoneless=zoneless)),
        provider=provider,
        provider_ref=_ref(row, provider),
        code_hash=code_hash(clean(row.get("unique_code"))),
        account_id=_read(row, "account_id", fields.text_id),
        buyer_email=fold_email(_read(row, "buyer_email", fields.text_id)),
        telegram_user_id=_read(row, "telegram_user_id", fields.number_id),
        product_id=_read(row, "product_id", fields.number_id),
        credits_ordered_micro=_read(row, "credits_ordered", fields.micro),
        credits_micro=_read(row, "credits", fields.micro),
        credits_used_micro=_read(row, "credits_used", fields.micro),
    )


def account(row: Mapping[str, Any], *, zoneless: bool = False) -> Account:
    """A row of `accounts`; raises BadRecord naming the column. A balance below zero is a debt and allowed."""
    return Account(
        account_id=_needed(row, "account_id", fields.text_id),
        status=_needed(row, "status", lambda value: fields.one_of(value, ACCOUNT_STATES)),
        updated_at=_needed(row, "updated_at", lambda value: fields.moment(value, zoneless=zoneless)),
        email=fold_email(_read(row, "email", fields.text_id)),
        telegram_user_id=_read(row, "telegram_user_id", fields.number_id),
        balance_micro=_read(row, "balance", lambda value: fields.micro(value, negative=True)),
    )


def payment(row: Mapping[str, Any]) -> Payment:
    """A row of `payments`; raises BadRecord naming the column that is empty or wrong."""
    provider = _needed(row, "provider", lambda value: fields.one_of(value, PROVIDERS))
    ref = _ref(row, provider)
    if ref is None:
        raise BadRecord("provider_ref: it is empty")
    return Payment(_needed(row, "order_id", fields.text_id), provider, ref)


def raw(shape: Shape, row: Mapping[str, Any]) -> RawRecord:
    """The row as it is kept: the columns of the contract alone, the unique code replaced by its hash."""
    body = _body(shape, row)
    return RawRecord("shop", f"shop.{shape.name}", _key(shape, row) or _digest(body), body)


def quarantined(shape: Shape, row: Row, reason: str) -> Quarantined:
    """A row that could not be understood, keyed so that its later good version releases it, else by its SHA-256."""
    body = _body(shape, row.cells)
    key = _key_of_broken(shape, row.cells) if row.fault else _key(shape, row.cells)
    if row.fault:  # a code may have slipped into any cell
        body = {name: code_hash(value) or value if isinstance(value, str) else value for name, value in body.items()}
    return Quarantined("shop", f"shop.{shape.name}", key or _digest(body), storable(reason), body)


def _ref(row: Mapping[str, Any], provider: str | None) -> str | None:
    """The ref as its provider writes it. Tribute's are UUIDs, in lower case; what names no provider may be one too."""
    ref = _read(row, "provider_ref", fields.number_id)
    return fold_uuid(ref) if ref and provider in UUID_PROVIDERS else ref


def _amount(row: Mapping[str, Any], currency: str) -> int:
    whole = _read(row, "amount_minor", lambda value: None if fields.present(value) is None else fields.minor(value))
    if fields.present(row.get("amount")) is None:
        if whole is None:
            raise BadRecord("amount: it is empty")
        return whole
    major = _needed(row, "amount", lambda value: fields.amount(value, currency))
    if whole is not None and whole != major:
        raise BadRecord(f"amount: {row['amount']} contradicts amount_minor {row['amount_minor']}")
    return major


def _read(row: Mapping[str, Any], column: str, parse: Callable[[Any], T | None]) -> T | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        return parse(value)
    except BadRecord as error:
        raise BadRecord(f"{column}: {error}") from None


def _needed(row: Mapping[str, Any], column: str, parse: Callable[[Any], T | None]) -> T:
    value = _read(row, column, parse)
    if value is None:
        raise BadRecord(f"{column}: it is empty")
    return value


def _body(shape: Shape, row: Mapping[str, Any]) -> dict[str, Any]:
    body = {name: _id(row[name]) if name in IDS else _kept(row[name]) for name in shape.known if name in row}
    if "unique_code" in body:
        body["unique_code"] = code_hash(clean(body["unique_code"]))
    return body


def _id(value: Any) -> Any:
    """An id as it is: facts are known by it, so that nothing in it is masked, and a whole number is one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return fields.plain(fields.present(value))


def _kept(value: Any) -> Any:
    if type(value) is str and len(value) < 13 and value.isprintable() and value.strip():
        return value  # the usual case: too short for a card's number, and nothing in it to replace
    plain = fields.plain(fields.present(value))
    return storable(plain) if isinstance(plain, str) else plain


def _key(shape: Shape, cells: Mapping[str, Any]) -> str | None:
    try:
        parts = [
            _needed(cells, name, fields.number_id if name == "provider_ref" else fields.text_id) for name in shape.key
        ]
    except BadRecord:
        return None
    return "/".join(parts)


def _key_of_broken(shape: Shape, cells: Mapping[str, Any]) -> str | None:
    # Cells before the break stand where they should; the last one may have been cut off.
    first = next(iter(cells), "")
    return _key(shape, cells) if shape.key == (first,) and len(cells) > 1 else None


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
