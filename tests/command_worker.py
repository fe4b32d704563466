"""Makes processes that decide about accounts and deliver, by forking itself for each line that it reads.

A fork begins in milliseconds where a new interpreter takes seconds, and dies of SIGKILL like any process.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from jobs.dispatch import dispatch
from reconciler.store.engine import open_store, write
from tests.alert_world import KILLED_CHATS, telling_at
from tests.deliveries import decide, settings_for

ACCOUNTS = 5


def work(url: str, address: str, mode: str) -> None:
    """Deliver to the shop at `address` until killed, in mode `decide` after making more each time.

    In mode `alerts` the address is a Telegram's.
    """
    engine = open_store(url)
    settings = telling_at(address, *KILLED_CHATS) if mode == "alerts" else settings_for(address)
    for number in count():
        if mode == "decide":
            with write(engine) as connection:
                for account in range(ACCOUNTS):
                    decide(connection, f"a{account}", number)
        dispatch(settings, engine, now=lambda: datetime.now(UTC))
        time.sleep(0.01)


def main() -> None:
    """Fork for each line; says the new process's id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(*line.split())
        print(pid, flush=True)


if __name__ == "__main__":
    main()
