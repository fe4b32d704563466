"""Runs benchmarks by name, all of them without one."""

import sys

from benchmarks import dashboard, first_pull, match_chain, match_files, startup, upserts, webhooks

BENCHMARKS = {
    "upserts": upserts.main,
    "first_pull": first_pull.main,
    "startup": startup.main,
    "webhooks": webhooks.main,
    "match_files": match_files.main,
    "match_chain": match_chain.main,
    "dashboard": dashboard.main,
}


def main() -> None:
    """Run what the command line names."""
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}", flush=True)
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
