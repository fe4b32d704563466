"""Runs benchmarks by name, all of them without one."""

import sys

from benchmarks import dashboard, first_pull, increments, match_chain, match_files, reports, startup, upserts, webhooks

BENCHMARKS = {
    "upserts": upserts.main,
    "increments": increments.main,
    "first_pull": first_pull.main,
    "startup": startup.main,
    "webhooks": webhooks.main,
    "match_files": match_files.main,
    "match_chain": match_chain.main,
    "dashboard": dashboard.main,
    "reports": reports.main,
}
ON_DEMAND = {"increments_10m": increments.main_large}


def main() -> None:
    """Run what the command line names."""
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}", flush=True)
        (BENCHMARKS | ON_DEMAND)[name]()


if __name__ == "__main__":
    main()
