"""`match` of two files against a bare join, pandas, datacompy and settleflow: CPU and peak memory by process.

`python -m benchmarks.match_files --help` tells the options; it needs the extra `bench`. Every turn runs all ways one
after the other, so that whatever else the machine does weighs on all of them; the figures are medians of the turns.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.match_ways import WAYS

README = Path(__file__).resolve().parent.parent / "README.md"
_TABLE = re.compile(r"(?<=<!-- made by benchmarks/match_files\.py -->\n).*?(?=<!-- end -->)", re.DOTALL)
_UNITS = {"k": 1_000, "m": 1_000_000}

Figures = dict[str, tuple[float, float]]


def rows_of(text: str) -> int:
    """A number of rows such as `400`, `100k` or `10m`."""
    return int(text[:-1]) * _UNITS[text[-1].lower()] if text[-1].lower() in _UNITS else int(text)


def measure(name: str, charges: Path, orders: Path, limit: str) -> tuple[float, float]:
    """CPU seconds (user and system) and peak memory in MiB of one way, in a process of its own."""
    code = f"from benchmarks.match_ways import {name}; {name}({str(charges)!r}, {str(orders)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "LIMIT": limit})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def table(rows: int, turns: Sequence[Figures]) -> str:
    """The medians as Markdown; the ratios are medians of each turn's own."""
    lines = [f"| {rows:,} × {rows:,} | CPU seconds | × bare join | peak memory |", "| --- | --- | --- | --- |"]
    for name in turns[0]:
        cpu, peak = (statistics.median(turn[name][place] for turn in turns) for place in (0, 1))
        ratio = statistics.median(turn[name][0] / turn["bare"][0] for turn in turns)
        lines.append(f"| {WAYS[name][0]} | {cpu:.1f} | {ratio:.1f} | {peak:,.0f} MiB |")
    said = "One turn." if len(turns) == 1 else f"Medians of {len(turns)} turns."
    return "\n".join([*lines, "", said]) + "\n"


def main(arguments: Sequence[str] = ()) -> None:
    """Measure the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=rows_of, default=1_000_000, help="of each file, such as 100k or 10m")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--memory-limit", default="1GB", help="of our own way")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="besides the bare join")
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    chosen = parser.parse_args(arguments)
    names = list(dict.fromkeys(["bare", *chosen.ways]))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory counts what its parent held when it was started.
        code = (
            f"from pathlib import Path; from benchmarks.match_data import write; write(Path({folder!r}), {chosen.rows})"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        charges, orders = (Path(folder) / f"{name}-{chosen.rows}.parquet" for name in ("charges", "orders"))
        turns = [
            {name: measure(name, charges, orders, chosen.memory_limit) for name in names} for _ in range(chosen.turns)
        ]
    made = table(chosen.rows, turns)
    print(made, end="")
    if chosen.readme:
        text = README.read_text(encoding="utf-8")
        README.write_text(_TABLE.sub(lambda _: f"\n{made}\n", text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
