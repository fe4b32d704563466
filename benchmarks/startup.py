"""How long `reconciler --help` takes, as a whole process."""

import statistics
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Median of seven starts, against a bare interpreter."""
    command = Path(sys.executable).parent / "reconciler"
    for name, line in (("python -c pass", [sys.executable, "-c", "pass"]), ("reconciler --help", [command, "--help"])):
        seconds = []
        for _ in range(7):
            began = time.perf_counter()
            subprocess.run(line, check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
        print(f"  {name}: median {statistics.median(seconds) * 1000:.0f} ms (goal for --help: under 500 ms)")
