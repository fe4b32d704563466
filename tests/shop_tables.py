"""Shops made up for the tests: rows that name only what matters, in SQLite, PostgreSQL or CSV."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from providers.shop import ShopLedger, build
from reconciler.model import Page, Window
from reconciler.settings import Shop

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CODE = "ABCD1234EFGH5678"


def order_row(order_id="ORD-1", **other):
    row = {
        "order_id": order_id,
        "provider": "digiseller",
        "provider_ref": "301",
        "unique_code": CODE,
        "account_id": "A-1",
        "buyer_email": "Anna@Example.com ",
        "telegram_user_id": "777",
        "product_id": "55",
        "amount": "1250.50",
        "currency": "rub",
        "credits_ordered": "1000",
        "credits": "1000",
        "credits_used": "0.25",
        "status": "delivered",
        "created_at": "2026-11-22T10:00:00Z",
        "delivered_at": "2026-11-22T10:01:00Z",
        "updated_at": "2026-11-22T10:01:00Z",
    }
    return {**row, **other}


def account_row(account_id="A-1", **other):
    row = {
        "account_id": account_id,
        "email": "anna@example.com",
        "telegram_user_id": "777",
        "status": "active",
        "balance": "999.75",
        "updated_at": "2026-11-22T10:01:00Z",
    }
    return {**row, **other}


def payment_row(order_id="ORD-1", provider="digiseller", provider_ref="301"):
    return {"order_id": order_id, "provider": provider, "provider_ref": provider_ref}


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


def sqlite_shop(path: Path, types=None, **tables):
    """A SQLite file with the given tables (name = list of rows); `types` gives columns a declared type."""
    fill(f"sqlite:///{path}", types or {}, "", **tables)
    return f"sqlite:///{path}"


def fill(url, types, default_type, **tables):
    """Create the tables in a database and insert the rows."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for name, rows in tables.items():
            columns = list(rows[0])
            declared = ", ".join(f"{column} {types.get(column, default_type)}" for column in columns)
            connection.execute(text(f"CREATE TABLE {name} ({declared})"))
            marks = ", ".join(f":{column}" for column in columns)
            connection.execute(text(f"INSERT INTO {name} VALUES ({marks})"), rows)


def csv_text(rows, delimiter=","):
    """The rows as CSV text with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def ledger(now=lambda: NOW, **settings) -> ShopLedger:
    return build(Shop(**settings), now=now)


def pages(shop: ShopLedger, feed="shop.orders", since=LONG_AGO) -> list[Page]:
    """All pages that a feed gives for a window that begins at `since`."""
    feeds = {found.name: found for found in shop.feeds()}
    return list(feeds[feed].fetch(Window(since, NOW)))


def orders(shop: ShopLedger, since=LONG_AGO):
    return [order for page in pages(shop, since=since) for order in page.orders]


def order_ids(shop: ShopLedger, since=LONG_AGO):
    return [order.order_id for order in orders(shop, since)]


def quarantined(shop: ShopLedger, feed="shop.orders"):
    return [bad for page in pages(shop, feed) for bad in page.quarantined]


def states(shop: ShopLedger):
    """The lines of `check` by name; several of one name are joined."""
    found: dict[str, list[str]] = {}
    for line in shop.check():
        found.setdefault(line.name, []).append(line.state)
    return {name: "+".join(lines) for name, lines in found.items()}


def messages(shop: ShopLedger):
    return "\n".join(f"{line.message} {line.advice}" for line in shop.check())
