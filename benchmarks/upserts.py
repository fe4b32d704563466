"""Upserts of 100,000 transactions into a table of a million, against the barest way, which logs no changes."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from benchmarks.servers import postgresql
from reconciler.columns import to_us
from reconciler.schema import transactions
from reconciler.store.engine import open_store, write
from reconciler.store.facts import _newer_charge
from reconciler.store.upsert import upsert

HISTORY = 1_000_000
BATCH = 100_000
PAGE = 1_000
NAMES = [column.name for column in transactions.columns]
START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(first: int, count: int, amount: int) -> Iterator[tuple[Any, ...]]:
    """Sales, numbered."""
    for number in range(first, first + count):
        values = {
            "provider": "digiseller",
            "ref": str(190_000_000 + number),
            "kind": "charge",
            "status": "paid",
            "amount_minor": amount,
            "currency": "WMZ",
            "occurred_at": START + timedelta(seconds=number),
            "occurred_text": "2026-01-01 00:00:00",
            "occurred_exact": True,
            "parent_ref": None,
            "group_ref": str(190_000_000 + number),
            "shared": False,
            "recurring": False,
            "fee_minor": 12,
            "product_id": "2000101",
            "title": "Credits",
            "buyer_email": f"buyer{number}@example.com",
            "telegram_user_id": None,
            "account_id": None,
            "code_hash": None,
            "seller_started": False,
            "reason": None,
            "listed": True,
            "first_seen_at": START,
        }
        yield tuple(values[name] for name in NAMES)


def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row as the driver takes it."""
    return tuple(to_us(value) if isinstance(value, datetime) else value for value in row)


def ours(engine: sa.Engine, batch: list[tuple[Any, ...]]) -> None:
    """The store's way, page by page in one transaction."""
    with write(engine) as connection:
        for start in range(0, len(batch), PAGE * 10):
            upsert(connection, transactions, batch[start : start + PAGE * 10], columns=NAMES, changes=_newer_charge)


def bare_sqlite(engine: sa.Engine, batch: list[tuple[Any, ...]]) -> None:
    """One prepared statement and tuples on the driver's own connection."""
    sets = ", ".join(f"{name} = excluded.{name}" for name in NAMES if name not in {"provider", "ref"})
    marks = ", ".join("?" for _ in NAMES)
    text = f"INSERT INTO transactions ({', '.join(NAMES)}) VALUES ({marks}) ON CONFLICT DO UPDATE SET {sets}"
    with write(engine) as connection:
        connection.exec_driver_sql(text, [plain(row) for row in batch])


def bare_postgresql(engine: sa.Engine, batch: list[tuple[Any, ...]]) -> None:
    """COPY into a staging table and one merge."""
    sets = ", ".join(f"{name} = excluded.{name}" for name in NAMES if name not in {"provider", "ref"})
    listed = ", ".join(NAMES)
    with write(engine) as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE staging (LIKE transactions) ON COMMIT DROP")
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY staging ({listed}) FROM STDIN") as copy:
            for row in batch:
                copy.write_row(plain(row))
        connection.exec_driver_sql(
            f"INSERT INTO transactions ({listed}) SELECT {listed} FROM staging ON CONFLICT (provider, ref) "
            f"DO UPDATE SET {sets}"
        )


@contextmanager
def unlogged(engine: sa.Engine) -> Iterator[None]:
    """Without the triggers that note changes."""
    if engine.dialect.name == "postgresql":
        with write(engine) as connection:
            connection.exec_driver_sql("ALTER TABLE transactions DISABLE TRIGGER USER")
        yield
        with write(engine) as connection:
            connection.exec_driver_sql("ALTER TABLE transactions ENABLE TRIGGER USER")
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'transactions'"
    with write(engine) as connection:
        triggers = connection.exec_driver_sql(query).all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    with write(engine) as connection:
        for _, text in triggers:
            connection.exec_driver_sql(text)


def measure(engine: sa.Engine, bare: Callable[[sa.Engine, list[tuple[Any, ...]]], None]) -> None:
    """Time both ways in turn on the same table: half of each batch is new, half are changed rows."""
    ours(engine, list(rows(0, HISTORY, 1)))
    ratios = []
    for turn in range(1, 6):
        seconds = {}
        for place, (name, way) in enumerate((("bare", bare), ("ours", ours))):
            first = HISTORY + (2 * turn + place) * BATCH - BATCH // 2
            batch = list(rows(first, BATCH, 100 + 2 * turn + place))
            with unlogged(engine) if way is bare else nullcontext():
                began = time.perf_counter()
                way(engine, batch)
                seconds[name] = time.perf_counter() - began
        ratios.append(seconds["ours"] / seconds["bare"])
        print(
            f"  {engine.dialect.name}: ours {BATCH / seconds['ours']:,.0f} rows/s, bare "
            f"{BATCH / seconds['bare']:,.0f} rows/s, time ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"  {engine.dialect.name}: median time ratio {statistics.median(ratios):.2f} (goal: at most 1.20)")


def main() -> None:
    """Measure both databases."""
    with tempfile.TemporaryDirectory() as folder:
        measure(open_store(f"sqlite:///{folder}/bench.db"), bare_sqlite)
    with postgresql() as url:
        measure(open_store(url), bare_postgresql)
