"""`match` of two files against the bare join, pandas and datacompy: CPU and peak memory, each in its own process.

`python -m benchmarks match_files`: a million rows each, or `ROWS` of the environment; `LIMIT` sets our memory limit. It
needs the extra `bench`.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TURNS = 5
ROWS = 1_000_000


def bare(charges: str, orders: str) -> None:
    """Read both files and join them by reference, nothing more."""
    import duckdb

    duckdb.sql(
        f"SELECT count(*), sum(c.amount_minor), sum(o.amount_minor) FROM '{charges}' c "
        f"JOIN '{orders}' o ON o.provider = c.provider AND o.provider_ref = c.ref"
    ).fetchall()


def ours(charges: str, orders: str) -> None:
    """All outputs, with the memory limit of the command."""
    from reconciler.files.match import match_files
    from reconciler.matching.terms import Terms

    with tempfile.TemporaryDirectory() as out:
        match_files(Path(charges), Path(orders), Path(out), Terms(), memory_limit=os.environ.get("LIMIT", "1GB"))


def with_pandas(charges: str, orders: str) -> None:
    """The same job by hand: join, what is left over, repeats inside the window, amounts that differ."""
    import pandas as pd

    left, right = pd.read_parquet(charges), pd.read_parquet(orders)
    paid = left[(left.kind == "charge") & (left.status == "paid")]
    named = right[right.provider_ref.notna()]
    pairs = paid.merge(named, left_on=["provider", "ref"], right_on=["provider", "provider_ref"], suffixes=("", "_o"))
    free = paid[~paid.ref.isin(pairs.ref)]
    spare = right[~right.order_id.isin(pairs.order_id)]
    near = free.merge(spare, on=["provider", "buyer_email", "amount_minor"], suffixes=("", "_o"))
    near = near[(near.occurred_at - near.created_at).abs() <= pd.Timedelta(hours=1)]
    matches = pd.concat([pairs, near])[["provider", "ref", "order_id"]].sort_values(["provider", "ref"])
    key = ["provider", "buyer_email", "amount_minor", "currency"]
    timed = paid.sort_values([*key, "occurred_at"])
    again = timed[timed.groupby(key).occurred_at.diff() <= pd.Timedelta(minutes=15)]
    differing = pairs[pairs.amount_minor != pairs.amount_minor_o]
    undelivered = pairs[pairs.delivered_at.isna()]
    with tempfile.TemporaryDirectory() as out:
        matches.to_parquet(f"{out}/matches.parquet", index=False)
        pd.concat([again, differing, undelivered, free]).to_parquet(f"{out}/findings.parquet", index=False)


def with_datacompy(charges: str, orders: str) -> None:
    """A comparison of the common columns by reference, which is all that it does."""
    import datacompy
    import pandas as pd

    left = pd.read_parquet(charges, columns=["provider", "ref", "amount_minor", "currency", "buyer_email"])
    right = pd.read_parquet(orders, columns=["provider", "provider_ref", "amount_minor", "currency", "buyer_email"])
    right = right.rename(columns={"provider_ref": "ref"})
    compare = getattr(datacompy, "PandasCompare", None) or datacompy.Compare
    compare(left, right, join_columns=["provider", "ref"]).matches()


WAYS: dict[str, Callable[[str, str], None]] = {
    "bare": bare,
    "ours": ours,
    "with_pandas": with_pandas,
    "with_datacompy": with_datacompy,
}


def measure(name: str, charges: Path, orders: Path) -> tuple[float, float]:
    """CPU seconds (user and system) and peak memory in MiB of one way, in a process of its own."""
    code = f"from benchmarks.match_files import {name}; {name}({str(charges)!r}, {str(orders)!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure every way in turn, five times, and print the medians."""
    rows = int(os.environ.get("ROWS", ROWS))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory counts what its parent held when it was started.
        code = f"from pathlib import Path; from benchmarks.match_data import write; write(Path({folder!r}), {rows})"
        subprocess.run([sys.executable, "-c", code], check=True)
        charges, orders = (Path(folder) / f"{name}-{rows}.parquet" for name in ("charges", "orders"))
        turns = [{name: measure(name, charges, orders) for name in WAYS} for _ in range(TURNS)]
    print(f"| {rows:,} × {rows:,} | CPU seconds | × bare join | peak memory |\n| --- | --- | --- | --- |")
    for name in WAYS:
        cpu = statistics.median(turn[name][0] for turn in turns)
        ratio = statistics.median(turn[name][0] / turn["bare"][0] for turn in turns)
        peak = statistics.median(turn[name][1] for turn in turns)
        print(f"| {name.replace('_', ' ')} | {cpu:.1f} | {ratio:.1f} | {peak:.0f} MiB |")
