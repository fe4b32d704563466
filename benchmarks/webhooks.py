"""How many webhooks a second the daemon takes in, each committed before its 200, and what overload does to it.

The daemon is a process of its own, and so is the load, which shares the machine with it. It is an open loop: each
delivery has its moment and its latency counts from that moment, so that a slow server cannot slow the load down.
Figures are for SQLite with synchronous=FULL.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from benchmarks.webhook_load import Load, Result, send

KEY = "benchmark-key-0123456789"
RATE = 1500
SECONDS = 20
CONNECTIONS = 64
COMMAND = str(Path(sys.executable).parent / "reconciler")
CONFIG = f"""
[database]
url = "sqlite:///bench.db"
[providers.tribute]
api_key = "{KEY}"
base_url = "http://127.0.0.1:9/api/v1"
[shop]
directory = "shop"
[web]
port = 0
"""


class Daemon:
    """The real daemon in a folder of its own; nobody answers at its provider's address."""

    def __init__(self, folder: Path) -> None:
        """Write its configuration, start it and wait until its first jobs are done."""
        (folder / "shop").mkdir()
        heads = {
            "orders": "order_id,amount,currency,status,created_at,delivered_at,updated_at",
            "accounts": "account_id,email,telegram_user_id,status,balance,updated_at",
        }
        for name, head in heads.items():
            (folder / "shop" / f"{name}.csv").write_text(head + "\n")
        (folder / "config.toml").write_text(CONFIG)
        self.store = folder / "bench.db"
        self._log = folder / "log.txt"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [COMMAND, "--config", "config.toml", "daemon"], cwd=folder, stderr=log, stdout=log
            )
        self.port = int(self._said(r"listening url=http://127\.0\.0\.1:(\d+)", 30))
        self._said(r"(job done.*job=reconcile|event=judged)", 60)

    def _said(self, pattern: str, wait_s: float) -> str:
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            if found := re.search(pattern, self._log.read_text()):
                return found.group(1)
            time.sleep(0.1)
        raise TimeoutError(f"{pattern} not seen: {self._log.read_text()[-2000:]}")

    def stored(self) -> int:
        """Committed events."""
        with sqlite3.connect(self.store) as connection:
            return int(connection.execute("SELECT count(*) FROM webhooks").fetchone()[0])

    def cpu_s(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Memory at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024  # type: ignore[union-attr]

    def stop(self) -> int:
        """End it by SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, whatever happened."""
        self.process.kill()
        self.process.wait()


class Nothing:
    """The same routes behind the same server, where what came in is not stored."""

    def __init__(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.webhook_nothing", KEY], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())  # type: ignore[union-attr]
        time.sleep(1)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def line(name: str, result: Result) -> None:
    """One result."""
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(result.statuses.items()))
    times = "   ".join(
        f"{title} {result.quantile(percent):6.1f} ms" for title, percent in (("p50", 50), ("p99", 99), ("max", 100))
    )
    print(f"{name:<28} {result.per_second:8,.0f}/s   {times}   {statuses}", flush=True)


def main() -> None:
    """Constant load, the same against a handler that stores nothing, capacity, overload and recovery."""
    nothing = Nothing()
    bare = send(Load(nothing.port, KEY, RATE, SECONDS, CONNECTIONS, first=0))
    bare_most = send(Load(nothing.port, KEY, 0, 5, CONNECTIONS, first=10_000_000))
    nothing.stop()
    with tempfile.TemporaryDirectory() as folder, Daemon(Path(folder)) as daemon:
        before_s = daemon.cpu_s()
        ours = send(Load(daemon.port, KEY, RATE, SECONDS, CONNECTIONS, first=0))
        print(f"{RATE}/s for {SECONDS} s, {CONNECTIONS} connections")
        line("  stores nothing", bare)
        line("  the daemon", ours)
        print(f"  p50 {ours.quantile(50) / bare.quantile(50):.1f} x, p99 {ours.quantile(99) / bare.quantile(99):.1f} x")
        print(f"  answered 200: {ours.statuses[200]:,}; committed: {daemon.stored():,}; errors: {ours.errors}")
        each_us = (daemon.cpu_s() - before_s) / sum(ours.statuses.values()) * 1e6
        print(f"  the daemon's CPU time for each: {each_us:.0f} microseconds, its jobs included")
        most = send(Load(daemon.port, KEY, 0, 8, CONNECTIONS, first=20_000_000))
        print(f"as many as go, {CONNECTIONS} connections")
        line("  stores nothing", bare_most)
        line("  the daemon", most)
        print(f"  ratio {most.per_second / bare_most.per_second:.2f}")
        overload(daemon, round(most.per_second))
        print(f"stopped with exit code {daemon.stop()}")


def overload(daemon: Daemon, capacity: int) -> None:
    """Ten times the capacity for ten seconds, then the usual rate again."""
    print(f"overload: {10 * capacity:,}/s wanted for 10 s over 1,500 connections, then {RATE}/s")
    flood = send(Load(daemon.port, KEY, 10 * capacity, 10, 1500, first=40_000_000))
    began_s = time.monotonic()
    line("  during", flood)
    print(f"  503 without Retry-After: {flood.without_retry_after}; errors: {flood.errors}")
    after = send(Load(daemon.port, KEY, RATE, 8, CONNECTIONS, first=90_000_000))
    line("  after", after)
    started_s = time.monotonic() - began_s - after.seconds
    back = next((place for place, (p99, refused) in enumerate(after.by_second) if p99 < 50 and not refused), None)
    print(f"  p99 in each second after, in ms: {', '.join(f'{p99:.0f}' for p99, _ in after.by_second)}")
    print(f"  back to normal: {'never' if back is None else f'within {started_s + back + 1:.1f} s of its end'}")
    print(f"  memory at its highest: {daemon.rss_mib():.0f} MiB")


if __name__ == "__main__":
    main()
