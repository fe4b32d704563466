"""The ways to bring two files together that `match_files` measures; each reads the files and runs once."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def keys(charges: str, orders: str) -> None:
    """DuckDB, the least that a join can be: references and amounts, no other column."""
    import duckdb

    duckdb.sql(
        f"SELECT count(*), sum(c.amount_minor), sum(o.amount_minor) FROM '{charges}' c "
        f"JOIN '{orders}' o ON o.provider = c.provider AND o.provider_ref = c.ref"
    ).fetchall()


def bare(charges: str, orders: str) -> None:
    """DuckDB, the bare join: reads every column that `match` reads, joins by reference, and touches each value once."""
    import duckdb

    from reconciler.files.shapes import CHARGES, ORDERS

    sides = ((charges, "c", CHARGES), (orders, "o", ORDERS))
    columns = [
        f"{alias}.{name}"
        for path, alias, shape in sides
        for name in duckdb.sql(f"SELECT * FROM '{path}' LIMIT 0").columns
        if name in shape.columns
    ]
    duckdb.sql(
        f"SELECT count(*), bit_xor(hash({', '.join(columns)})) FROM '{charges}' c "
        f"JOIN '{orders}' o ON o.provider = c.provider AND o.provider_ref = c.ref"
    ).fetchall()


def ours(charges: str, orders: str) -> None:
    """`reconciler match`, all outputs, with the memory limit of the command unless `LIMIT` says another."""
    from reconciler.files.match import match_files
    from reconciler.matching.terms import Terms

    with tempfile.TemporaryDirectory() as out:
        match_files(Path(charges), Path(orders), Path(out), Terms(), memory_limit=os.environ.get("LIMIT", "1GB"))


def with_pandas(charges: str, orders: str) -> None:
    """pandas, the same job by hand: join, what is left over, repeats inside the window, amounts that differ."""
    import pandas as pd

    left, right = pd.read_parquet(charges), pd.read_parquet(orders)
    paid = left[(left.kind == "charge") & (left.status == "paid")]
    named = right[right.provider_ref.notna()]
    pairs = paid.merge(named, left_on=["provider", "ref"], right_on=["provider", "provider_ref"], suffixes=("", "_o"))
    free = paid[~paid.ref.isin(pairs.ref)]
    spare = right[~right.order_id.isin(pairs.order_id)]
    near = free.merge(spare, on=["provider", "buyer_email", "amount_minor"], suffixes=("", "_o"))
    near = near[(near.occurred_at - near.created_at).abs() <= pd.Timedelta(hours=1)]
    columns = ["provider", "ref", "order_id", "occurred_at"]
    matches = pd.concat([pairs[columns], near[columns]]).sort_values(["occurred_at", "provider", "ref"])
    key = ["provider", "buyer_email", "amount_minor", "currency"]
    often = paid[paid.duplicated(key, keep=False)].sort_values([*key, "occurred_at"])
    again = often[often.groupby(key).occurred_at.diff() <= pd.Timedelta(minutes=15)]
    differing = pairs[pairs.amount_minor != pairs.amount_minor_o]
    undelivered = pairs[pairs.delivered_at.isna()]
    with tempfile.TemporaryDirectory() as out:
        matches.to_parquet(f"{out}/matches.parquet", index=False)
        pd.concat([again, differing, undelivered, free]).to_parquet(f"{out}/findings.parquet", index=False)


_COMPARED = (
    "provider", "ref", "amount_minor", "currency", "account_id", "buyer_email", "telegram_user_id", "product_id",
)  # fmt: skip
"""What `match` compares of a pair, and both files have."""


def with_datacompy(charges: str, orders: str) -> None:
    """datacompy on pandas, comparison only: the columns that `match` compares, by reference; nothing written."""
    import datacompy
    import pandas as pd

    theirs = ["provider_ref" if name == "ref" else name for name in _COMPARED]
    left = pd.read_parquet(charges, columns=list(_COMPARED))
    right = pd.read_parquet(orders, columns=theirs).rename(columns={"provider_ref": "ref"})
    datacompy.PandasCompare(left, right, join_columns=["provider", "ref"]).matches()


def with_datacompy_polars(charges: str, orders: str) -> None:
    """datacompy on Polars, comparison only: the same columns."""
    import datacompy
    import polars as pl

    theirs = ["provider_ref" if name == "ref" else name for name in _COMPARED]
    left = pl.read_parquet(charges, columns=list(_COMPARED))
    right = pl.read_parquet(orders, columns=theirs).rename({"provider_ref": "ref"})
    datacompy.PolarsCompare(left, right, join_columns=["provider", "ref"]).matches()


def with_settleflow(charges: str, orders: str) -> None:
    """settleflow, pairs only: its matching by reference, then by amount and day; it takes rows as Python objects."""
    from decimal import Decimal

    import pyarrow.parquet as pq
    from settleflow.matching import match
    from settleflow.models import Txn

    def read(path: str, ref: str, moment: str) -> list[Txn]:
        columns = pq.read_table(path, columns=["provider", ref, "amount_minor", moment]).to_pydict()
        rows = zip(*(columns[name] for name in ("provider", ref, "amount_minor", moment)), strict=True)
        return [
            Txn(None if named is None else f"{provider}{named}", Decimal(minor), when.date())
            for provider, named, minor, when in rows
        ]

    match(read(charges, "ref", "occurred_at"), read(orders, "provider_ref", "created_at"))


WAYS: dict[str, tuple[str, Callable[[str, str], None]]] = {
    "bare": ("DuckDB, bare read and join of the same columns", bare),
    "ours": ("`reconciler match`, all outputs", ours),
    "with_pandas": ("pandas, the same job by hand", with_pandas),
    "with_datacompy": ("datacompy on pandas, comparison only", with_datacompy),
    "with_datacompy_polars": ("datacompy on Polars, comparison only", with_datacompy_polars),
    "with_settleflow": ("settleflow, pairs only", with_settleflow),
    "keys": ("DuckDB, join of references and amounts alone", keys),
}
"""Each way by its function's name: what the table calls it, and the function."""
