"""Peak memory of a first pull of 100,000 DigiSeller sales over real HTTP, in a process of its own."""

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

SALES = 100_000


def simulate() -> None:
    """Serve that many sales until standard input closes."""
    from providers.simulators.digiseller import DigiSellerSimulator

    simulator = DigiSellerSimulator()
    simulator.switches.sells_limit = 1_000_000
    now = datetime.now(UTC)
    for number in range(SALES):
        paid_at = now - timedelta(minutes=5, seconds=20 * number)
        simulator.add_sale(paid_at, 190_000_000 + number, email=f"buyer{number}@example.com")
    with simulator:
        print(simulator.base_url, flush=True)
        sys.stdin.read()


def pull(url: str) -> None:
    """Pull everything into an empty SQLite store and print what it took."""
    from jobs.pull import Pull
    from jobs.run import utc_now
    from providers import digiseller
    from reconciler.settings import DigiSellerSettings, Schedule
    from reconciler.store.engine import open_store

    with tempfile.TemporaryDirectory() as folder:
        engine = open_store(f"sqlite:///{folder}/store.db")
        settings = DigiSellerSettings.model_validate(
            {"base_url": url, "seller_id": 100001, "api_key": "TEST_API_KEY_0001", "sells_per_minute": 60_000}
        )
        provider = digiseller.build(settings, now=utc_now)
        began = time.perf_counter()
        job = Pull(engine, Schedule(), utc_now, lambda line: print(f"  {line}", flush=True))
        problems = job._source(provider)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  {SALES:,} sales in {seconds:.1f} s, peak memory {peak:.0f} MiB (goal: under 300 MiB); problems: {problems}"
    )


def main() -> None:
    """Run the simulator and the pull in processes of their own."""
    code = "from benchmarks import first_pull; first_pull.{}"
    server = subprocess.Popen(
        [sys.executable, "-c", code.format("simulate()")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        subprocess.run([sys.executable, "-c", code.format(f"pull({url!r})")], check=True)
    finally:
        server.communicate("")
