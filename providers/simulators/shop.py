"""A made-up shop: a SQLite database with the orders, accounts and payments of the contract, and nothing else."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from providers.simulators.scenario.values import Account, Order, Payment, Scenario

_TABLES = """
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY, provider TEXT, provider_ref TEXT, unique_code TEXT, account_id TEXT, buyer_email TEXT,
    telegram_user_id INTEGER, product_id TEXT, amount TEXT NOT NULL, currency TEXT NOT NULL, credits_ordered INTEGER,
    credits INTEGER, credits_used INTEGER, status TEXT NOT NULL, created_at TEXT NOT NULL, delivered_at TEXT,
    updated_at TEXT NOT NULL
);
CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY, email TEXT, telegram_user_id INTEGER, status TEXT NOT NULL, balance INTEGER NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE payments (
    order_id TEXT NOT NULL, provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    PRIMARY KEY (order_id, provider, provider_ref)
);
"""


class ShopSimulator:
    """The shop's database at `path`. The program under test only ever reads it; these methods are the shop's own."""

    def __init__(self, path: Path) -> None:
        """Create the database with empty tables; raises FileExistsError when there is a file already."""
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        self.path = path
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_TABLES)

    @property
    def url(self) -> str:
        """What `[shop] url` has to be."""
        return f"sqlite:///{self.path.absolute()}"

    def load(self, scenario: Scenario) -> None:
        """Write everything that a made-up world's shop knows."""
        self.save_orders(scenario.orders)
        self.save_accounts(scenario.accounts)
        self.save_payments(scenario.payments)

    def save_orders(self, orders: Iterable[Order]) -> None:
        """Add orders, or bring them to what they are now."""
        self._write("orders", [_order(order) for order in orders])

    def save_accounts(self, accounts: Iterable[Account]) -> None:
        """Add accounts, or bring them to what they are now."""
        self._write("accounts", [_account(account) for account in accounts])

    def save_payments(self, payments: Iterable[Payment]) -> None:
        """Add ties of payments to orders."""
        rows = [
            {"order_id": one.order_id, "provider": one.provider, "provider_ref": one.provider_ref} for one in payments
        ]
        self._write("payments", rows)

    def _write(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        names = tuple(rows[0])
        places = ", ".join(f":{name}" for name in names)
        statement = f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 (own names)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(statement, rows)


def _order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "provider": order.provider,
        "provider_ref": order.provider_ref,
        "unique_code": order.unique_code,
        "account_id": order.account_id,
        "buyer_email": order.buyer_email,
        "telegram_user_id": order.telegram_user_id,
        "product_id": order.product_id,
        "amount": f"{Decimal(order.amount_minor) / 100:.2f}",
        "currency": order.currency,
        "credits_ordered": order.credits_ordered,
        "credits": order.credits,
        "credits_used": order.credits_used,
        "status": order.status,
        "created_at": _text(order.created_at),
        "delivered_at": _text(order.delivered_at) if order.delivered_at else None,
        "updated_at": _text(order.updated_at),
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "email": account.email,
        "telegram_user_id": account.telegram_user_id,
        "status": account.status,
        "balance": account.balance,
        "updated_at": _text(account.updated_at),
    }


def _text(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
