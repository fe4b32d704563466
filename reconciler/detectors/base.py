"""What a detector is: a select that finds candidates by sets, and a pure function that turns them into findings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from reconciler.columns import from_us
from reconciler.matching.plan import same_charge
from reconciler.matching.relations import account, charge, contested, likely, order, surplus, tie
from reconciler.matching.terms import Horizon, Terms
from reconciler.model import Finding
from reconciler.money import format_minor

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What findings are judged by."""

    terms: Terms
    horizon: Horizon


@dataclass(frozen=True, slots=True)
class Detector:
    """`candidates` selects the rows worth a look, `judge` says which of them are findings of `kinds`."""

    kinds: tuple[str, ...]
    candidates: Callable[[Context], Select[Any]]
    judge: Callable[[Iterable[Row], Context], Iterator[Finding]]


CHARGE = tuple(column.label(f"charge_{column.name}") for column in charge.columns)
ORDER = tuple(column.label(f"order_{column.name}") for column in order.columns)
ACCOUNT = tuple(column.label(f"account_{column.name}") for column in account.columns)


def charges_with_orders() -> Select[Any]:
    """Every paid charge with its order and account, if any, as `charge_…`, `order_…`, `account_…`, and the rule."""
    return _with_orders(sa.select(*CHARGE, *ORDER, *ACCOUNT, tie.c.rule).select_from(charge), charge)


def about_charges(source: Any) -> Select[Any]:
    """Every row of a table that names a charge (`provider`, `ref`), with that charge and its order, if known."""
    rows = sa.select(*CHARGE, *ORDER, *ACCOUNT, tie.c.rule).select_from(source)
    return _with_orders(rows.outerjoin(charge, same_charge(charge, source)), source)


def _with_orders(rows: Select[Any], source: Any) -> Select[Any]:
    return (
        rows.outerjoin(tie, same_charge(tie, source))
        .outerjoin(order, order.c.order_id == tie.c.order_id)
        .outerjoin(account, account.c.account_id == sa.func.coalesce(order.c.account_id, charge.c.account_id))
    )


def is_surplus() -> ColumnElement[bool]:
    """The charge pays a purchase again."""
    return sa.exists().where(same_charge(surplus, charge))


def in_conflict() -> ColumnElement[bool]:
    """The charge's order is in dispute between references."""
    return sa.or_(sa.exists().where(same_charge(contested, charge)), sa.exists().where(same_charge(likely, charge)))


def money(minor: int | None, currency: str | None) -> str:
    """An amount for a sentence: `12.50 WMZ`."""
    return f"{format_minor(minor, currency)} {currency}"


def credits_text(micro: int) -> str:
    """Credits for a sentence, exact and without an exponent: `1234567.5` of 1,234,567,500,000 millionths."""
    return f"{(Decimal(micro) / 1_000_000).normalize():f}"


def when(time_us: int) -> str:
    """A time for a sentence: `2026-11-22 13:05 UTC`."""
    return f"{from_us(time_us):%Y-%m-%d %H:%M} UTC"


def evidence(row: Row) -> dict[str, Any]:
    """What the finding rests on, less empty fields, for `explain` and for evidence files."""
    return {key: value for key, value in row.items() if value is not None and key.startswith(("charge_", "order_"))}


def account_of(row: Row) -> str | None:
    """The account that a row is about: the order's, else the one that the charge names."""
    found = row.get("order_account_id") or row.get("charge_account_id")
    return None if found is None else str(found)
