"""A chain of shrinking gaps, where each round of the fallback finds one pair: capped rounds against plain ones."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reconciler.files.engine import open_engine
from reconciler.matching import relations, run
from reconciler.matching.terms import Horizon, Terms
from reconciler.store.steps import StoreEngine

ROWS = 400
_SAME = {"provider": "digiseller", "currency": "USD", "money": "USD", "email": "a@example.com", "amount_minor": 1000}


def chain(rows: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Charges and orders by turns, each gap a second shorter than the one before."""
    charges, orders, moment = [], [], 0
    for number in range(rows):
        name = f"{number:04}"
        if number % 2 == 0:
            flags = dict.fromkeys(("shared", "recurring", "unclaimed", "history", "reversed", "approved"), 0)
            charges.append({**_SAME, "ref": name, "group_ref": name, "occurred_us": moment, **flags, "looked_up": 1})
        else:
            flags = {"delivered": 1, "named": 0, "findable": 1, "absence": 0}
            orders.append({**_SAME, "order_id": name, "status": "delivered", "created_us": moment, **flags})
        moment += (2 * rows - number) * 1_000_000
    return charges, orders


def ties(engine: Any) -> tuple[float, list[Any]]:
    """CPU seconds of matching the chain on an engine, and what came out."""
    engine.prepare()
    charges, orders = chain(ROWS)
    engine.add(relations.charge, charges)
    engine.add(relations.order, orders)
    began = time.process_time()
    run.match(engine, Terms(), Horizon(0, 0, {}))
    took = time.process_time() - began
    return took, sorted(tuple(row.values()) for row in engine.rows(sa.select(relations.tie)))


def main() -> None:
    """Print the CPU seconds on both engines, and stop where the two ways differ."""
    print(f"| a chain of {ROWS} rows | capped rounds, CPU seconds | plain rounds |\n| --- | --- | --- |")
    cap = run.MAX_ROUNDS
    with tempfile.TemporaryDirectory() as folder, sa.create_engine("sqlite://").connect() as connection:
        ways: dict[str, Callable[[], Any]] = {
            "DuckDB": lambda: open_engine(Path(folder), "1GB"),
            "SQLite": lambda: StoreEngine(connection),
        }
        for name, opened in ways.items():
            capped, got = ties(opened())
            run.MAX_ROUNDS = ROWS
            plain, wanted = ties(opened())
            run.MAX_ROUNDS = cap
            if got != wanted:
                raise SystemExit(f"{name}: capped rounds gave other pairs than plain ones")
            print(f"| {name} | {capped:.2f} | {plain:.2f} |")
