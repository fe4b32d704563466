"""What a searched text names: an invoice, a unique code, an e-mail address, an order or an account."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reconciler.schema import accounts, matches, orders, transactions
from reconciler.text import code_hash, fold_email, fold_uuid

MOST = 200
"""Of what one buyer bought, so much is looked at: more than that is a list to filter by account."""


@dataclass(frozen=True, slots=True)
class Named:
    """The keys of what a text names; all empty when it names nothing."""

    charges: tuple[tuple[str, str], ...]
    orders: tuple[str, ...]
    accounts: tuple[str, ...]


def named(connection: sa.Connection, text: str) -> Named:
    """Look a text up by every index that may know it."""
    refs = _rows(connection, (_charges(condition) for condition in _of_charges(text)))
    tied = [
        sa.select(matches.c.order_id).where(matches.c.provider == one, matches.c.ref == ref) for one, ref, _ in refs
    ]
    found = _rows(connection, [*(sa.select(orders.c.order_id).where(one) for one in _of_orders(text)), *tied])
    owners = _rows(connection, (sa.select(accounts.c.account_id).where(one) for one in _of_accounts(text)))
    return Named(
        tuple((provider, parent or ref) for provider, ref, parent in refs),
        tuple(order for (order,) in found),
        tuple(account for (account,) in owners),
    )


def _charges(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(transactions.c.provider, transactions.c.ref, transactions.c.parent_ref).where(condition)


def _of_charges(text: str) -> Iterable[sa.ColumnElement[bool]]:
    table = transactions.c
    yield sa.and_(table.provider.in_(["digiseller", "tribute"]), table.ref == fold_uuid(text))
    yield sa.and_(table.provider.in_(["digiseller", "tribute"]), table.group_ref == fold_uuid(text), _is_shared())
    if hashed := code_hash(text):
        yield table.code_hash == hashed
    if "@" in text:
        yield table.buyer_email.in_({text, fold_email(text)})


def _is_shared() -> sa.ColumnElement[bool]:
    return transactions.c.group_ref != transactions.c.ref


def _of_orders(text: str) -> Iterable[sa.ColumnElement[bool]]:
    table = orders.c
    yield table.order_id == text
    yield table.provider_ref == fold_uuid(text)
    yield table.account_id == text
    if hashed := code_hash(text):
        yield table.code_hash == hashed
    if "@" in text:
        yield table.buyer_email.in_({text, fold_email(text)})


def _of_accounts(text: str) -> Iterable[sa.ColumnElement[bool]]:
    yield accounts.c.account_id == text
    if "@" in text:
        yield accounts.c.email.in_({text, fold_email(text)})


def _rows(connection: sa.Connection, queries: Iterable[sa.Select[Any]]) -> list[tuple[Any, ...]]:
    rows: dict[tuple[Any, ...], None] = {}
    for query in queries:
        rows |= dict.fromkeys(tuple(row) for row in connection.execute(query.limit(MOST)))
    return list(rows)[:MOST]
