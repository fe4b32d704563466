"""Writes built facts as the two files of `match`."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.model import ChargeState, Kind, Order, Transaction

CHARGE_COLUMNS = (
    "provider", "ref", "kind", "status", "parent_ref", "order_ref", "account_id", "buyer_email", "telegram_user_id",
    "product_id", "amount_minor", "currency", "occurred_at", "claimed",
)  # fmt: skip
ORDER_COLUMNS = (
    "order_id", "provider", "provider_ref", "account_id", "buyer_email", "telegram_user_id", "product_id",
    "amount_minor", "currency", "credits_ordered", "credits", "credits_used", "status", "created_at", "delivered_at",
    "updated_at",
)  # fmt: skip


def write_files(folder: Path, facts: Iterable[Any]) -> tuple[Path, Path]:
    """Two CSV files; a state's first echo becomes the order reference, its `claimed` the charge's."""
    facts = list(facts)
    states = {(state.provider, state.ref): state for state in facts if isinstance(state, ChargeState)}
    charges = [_charge(row, states.get((row.provider, row.ref))) for row in facts if isinstance(row, Transaction)]
    orders = [_order(row) for row in facts if isinstance(row, Order)]
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _write(folder / "charges.csv", CHARGE_COLUMNS, charges),
        _write(folder / "orders.csv", ORDER_COLUMNS, orders),
    )


def filed(facts: Iterable[Any]) -> list[Any]:
    """The facts as the files can say them: no codes, no titles, no recurring orders, no space around ids."""
    return [_plain(fact) for fact in facts]


def _plain(fact: Any) -> Any:
    if isinstance(fact, Transaction):
        return replace(fact, code_hash=None, title=None, recurring=False)
    if isinstance(fact, Order):
        return replace(fact, code_hash=None, provider_ref=fact.provider_ref and fact.provider_ref.strip())
    return fact


def _charge(row: Transaction, state: ChargeState | None) -> dict[str, Any]:
    values = {name: getattr(row, name, None) for name in CHARGE_COLUMNS}
    echo = next(iter(state.echoes), None) if state else None
    claimed = "" if state is None or state.claimed is None else str(state.claimed).lower()
    values |= {"order_ref": echo, "claimed": claimed, "occurred_at": row.occurred_at.isoformat()}
    return values | {"kind": str(Kind(row.kind)), "status": str(row.status)}


def _order(row: Order) -> dict[str, Any]:
    values = {name: getattr(row, name, None) for name in ORDER_COLUMNS}
    for name in ("credits_ordered", "credits", "credits_used"):
        micro = getattr(row, f"{name}_micro")
        values[name] = None if micro is None else f"{micro / 1_000_000:f}"
    for name in ("created_at", "delivered_at", "updated_at"):
        moment = getattr(row, name)
        values[name] = None if moment is None else moment.isoformat()
    return values


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path
