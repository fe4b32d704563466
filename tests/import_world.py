"""Files as shops and operators have them, a program with mappings for them, and what it stored."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import xlsxwriter

from reconciler.schema import orders, raw_records, transactions
from reconciler.store.engine import connect, read
from tests.cli_world import Program

MAPPINGS = """
[import.digiseller]
ref = "Номер счёта"
occurred_at = "Дата"
amount = "Сумма"
currency = "Кошелёк"
returned = "Возврат"
refunded_at = "Дата возврата"
buyer_email = "Покупатель"
title = "Товар"

[import.tribute]
event = "what"
occurred_at = "when"
currency = "=EUR"

[import.orders]
order_id = "Number"
"""
SALE = {
    "Номер счёта": "5001",
    "Дата": "22.11.2026 9:05:00",
    "Сумма": "1 250,50",
    "Кошелёк": "WMR",
    "Возврат": "нет",
    "Дата возврата": "",
    "Покупатель": "Яна@Example.com",
    "Товар": "Кредиты",
}
PURCHASE = {
    "what": "purchase",
    "when": "2026-11-22 10:00:00",
    "amount": "12.50",
    "purchase_id": "9001",
    "transaction_id": "77",
    "product_id": "5",
    "telegram_user_id": "7000000001",
    "title": "100 credits",
}
ORDER = {
    "Number": "A-1",
    "amount": "12.50",
    "currency": "EUR",
    "status": "delivered",
    "created_at": "2026-11-22T10:00:00Z",
    "delivered_at": "2026-11-22T10:01:00Z",
    "updated_at": "2026-11-22T10:01:00Z",
    "provider": "tribute",
    "provider_ref": "9001",
    "account_id": "u1",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the program stores: each test runs on both databases."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_store"))
    return f"sqlite:///{tmp_path}/books.db"


@pytest.fixture
def books(program: Program, url: str) -> Callable[[], dict[str, Any]]:
    """Configure the program with mappings and a store; returns what is stored, less when it was."""
    program.configure(f'[database]\nurl = "{url}"\n{MAPPINGS}')
    return lambda: stored(url)


def stored(url: str) -> dict[str, Any]:
    """Every transaction, order and raw record by its key, and no time at which we saw it."""
    engine = connect(url)
    try:
        with read(engine) as connection:
            if not sa.inspect(connection).has_table("transactions"):
                return {}
            rows = [dict(row) for table in (transactions, orders) for row in _rows(connection, table)]
            raws = [(row["source"], row["key"], row["digest"]) for row in _rows(connection, raw_records)]
    finally:
        engine.dispose()
    for row in rows:
        row.pop("first_seen_at", None)
    facts = {f"{row.get('provider')}/{row.get('ref') or row['order_id']}": row for row in rows}
    return facts | {f"raw/{source}/{key}/{digest}": None for source, key, digest in raws}


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    return (dict(row) for row in connection.execute(sa.select(table)).mappings())


def csv_bytes(rows: Sequence[dict[str, Any]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows as CSV, with the header of the first one."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return target.getvalue().encode(encoding)


def json_bytes(rows: Sequence[dict[str, Any]], *, lines: bool = False) -> bytes:
    """Rows as an array, or as an object in each line."""
    return ("\n".join(map(json.dumps, rows)) if lines else json.dumps(list(rows), indent=1)).encode()


def xlsx_bytes(rows: Sequence[dict[str, Any]]) -> bytes:
    """Rows as the first sheet of a workbook; aware-less datetimes become its own dates."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False})
    sheet, dated = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"})
    for place, name in enumerate(rows[0]):
        sheet.write_string(0, place, name)
    for number, row in enumerate(rows, 1):
        for place, value in enumerate(row.values()):
            write = sheet.write_datetime if hasattr(value, "year") else sheet.write
            write(number, place, value, *([dated] if hasattr(value, "year") else []))
    book.close()
    return target.getvalue()
