"""What a run costs after 10,000 changes, and after none, over histories of different lengths, on SQLite."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from jobs.reconcile import MAIN_FEEDS, SHOP_FEEDS, SWEEPS, reconcile
from reconciler.columns import to_us
from reconciler.model import Page, Window
from reconciler.settings import Settings
from reconciler.store.engine import open_store, write
from reconciler.store.facts import begin_feed, end_feed, save_page

CHANGED = 10_000
TURNS = 5
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STEP_US = 6_000_000
"""A sale every six seconds: ten million of them are two years."""
SETTINGS = Settings.model_validate(
    {"providers": {"digiseller": {"seller_id": 1, "api_key": "k"}}, "shop": {"directory": "unused"}}
)
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
_PAST = {
    "transactions": {
        "provider": "'digiseller'", "ref": "CAST(i AS TEXT)", "kind": "'charge'", "status": "'paid'",
        "amount_minor": "1000 + i % 7", "currency": "'WMZ'", "occurred_at": "{time}", "occurred_text": "''",
        "occurred_exact": "1", "group_ref": "CAST(i AS TEXT)", "shared": "0", "recurring": "0", "product_id": "'77'",
        "buyer_email": "'b' || (i * 7919 % {buyers}) || '@example.com'", "code_hash": "'c' || i",
        "seller_started": "0", "listed": "1", "first_seen_at": "{time}",
    },
    "orders": {
        "order_id": "'o' || i", "provider": "'digiseller'", "provider_ref": "CAST(i AS TEXT)", "code_hash": "'c' || i",
        "account_id": "'a' || (i * 7919 % {buyers})", "buyer_email": "'b' || (i * 7919 % {buyers}) || '@example.com'",
        "product_id": "'77'", "amount_minor": "1000 + i % 7", "currency": "'USD'", "status": "'delivered'",
        "credits_ordered_micro": "5000000", "credits_micro": "5000000", "credits_used_micro": "0",
        "created_at": "{time}", "delivered_at": "{time}", "updated_at": "{time}",
    },
    "accounts": {
        "account_id": "'a' || (i - 1)", "email": "'b' || (i - 1) || '@example.com'", "status": "'active'",
        "balance_micro": "1", "updated_at": "{time}",
    },
    "charge_states": {
        "provider": "'digiseller'", "ref": "CAST(i AS TEXT)", "found": "1", "claimed": "1", "read_at": "{time}",
    },
}  # fmt: skip
_EDITS = {
    "transactions": "UPDATE transactions SET fee_minor = {turn} WHERE ref IN ({refs})",
    "orders": "UPDATE orders SET credits_used_micro = {turn} WHERE provider_ref IN ({refs})",
}


def fill(engine: sa.Engine, count: int) -> None:
    """A past of so many sales, each with its order, and the feeds read up to now."""
    buyers = max(1, count // 5)
    time = f"{to_us(NOW - timedelta(hours=1))} - ({count} - i) * {STEP_US}"
    with write(engine) as connection:
        for table, values in _PAST.items():
            rows = buyers if table == "accounts" else count
            filled = ", ".join(value.format(time=time, buyers=buyers) for value in values.values())
            select = f"{_NUMBERS.format(count=rows)} SELECT {filled} FROM n"
            connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(values)}) {select}")
    with write(engine) as connection:
        for name in (MAIN_FEEDS["digiseller"], SWEEPS["digiseller"], *SHOP_FEEDS):
            begin_feed(connection, name, NOW)
            save_page(connection, Page(name, drained=Window(NOW - timedelta(days=4000), NOW)), NOW)
            end_feed(connection, name, NOW, None)


def edit(engine: sa.Engine, count: int, turn: int) -> int:
    """Change 10,000 rows: 4,000 charges and 6,000 orders of the newest sales, a tenth anywhere in the past.

    Returns how many rows that touches: the charges and orders of all these sales.
    """
    touched: set[int] = set()
    with write(engine) as connection:
        for table, number in (("transactions", CHANGED * 4 // 10), ("orders", CHANGED * 6 // 10)):
            young = [count - place for place in range(number * 9 // 10)]
            old = [1 + (place * 7_368_787 + turn) % count for place in range(number // 10)]
            refs = ", ".join(f"'{ref}'" for ref in young + old)
            connection.exec_driver_sql(_EDITS[table].format(turn=turn, refs=refs))
            touched |= {*young, *old}
    return 2 * len(touched)


def cost(engine: sa.Engine, now: datetime, **options: bool) -> float:
    """CPU seconds of a run."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    reconcile(SETTINGS, engine, lambda: now, **options)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def measure(count: int) -> None:
    """In a process of its own: a full run, then quiet ones and ones after changes in turn."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        engine = open_store(f"sqlite:///{folder}/store.db")
        fill(engine, count)
        full = cost(engine, NOW)
        quiet, changed, touched = [], [], []
        for turn in range(TURNS + 1):
            now = NOW + timedelta(minutes=turn)
            quiet.append(cost(engine, now))
            touched.append(edit(engine, count, turn))
            changed.append(cost(engine, now))
        each = statistics.median(changed[1:]) / statistics.median(touched[1:]) * 1e6
        print(f"{count} {full:.2f} {statistics.median(quiet[1:]):.4f} {statistics.median(changed[1:]):.3f} {each:.1f}")


def main(*, large: bool = False) -> None:
    """A history of a million against one of 10,000; with `large` ten million against a million."""
    sizes = (1_000_000, 10_000_000) if large else (10_000, 1_000_000)
    each = []
    for size in sizes:
        code = f"from benchmarks.increments import measure; measure({size})"
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=root)
        _, full, quiet, changed, per_row = done.stdout.split()
        each.append(float(per_row))
        print(
            f"  {size:,} sales: full run {float(full):.1f} s CPU, quiet run {float(quiet) * 1000:.0f} ms, "
            f"after {CHANGED:,} changes {float(changed):.2f} s ({each[-1]:.0f} µs a row)",
            flush=True,
        )
    print(f"  per touched row {each[1] / each[0]:.2f} times as much in the longer history (goal: at most 1.30)")


def main_large() -> None:
    """The same for ten million sales, on demand: an hour and 20 GB of disk."""
    main(large=True)
