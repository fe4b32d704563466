"""Runs the real `reconciler run` as a process against simulated providers, and reads what it left in its store."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.receiver import CommandReceiver
from providers.simulators.scenario import Scenario, build
from providers.simulators.scenario.load import into_digiseller, into_tribute
from providers.simulators.shop import ShopSimulator
from providers.simulators.tribute import TributeSimulator
from reconciler.cli import demo_folder
from reconciler.cli.demo import record, take_webhooks_in
from reconciler.schema import bookings, findings, matches, quarantine, transactions
from reconciler.settings import Settings
from reconciler.store.engine import open_store, read, write

COMMAND = str(Path(sys.executable).parent / "reconciler")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC")


@dataclass
class Stage:
    """A made-up shop whose providers are up, and the configuration that reconciles it."""

    scenario: Scenario
    digiseller: DigiSellerSimulator
    tribute: TributeSimulator
    receiver: CommandReceiver
    folder: Path
    settings: Settings

    def url(self, name: str) -> str:
        """A fresh SQLite store with what the operator knows in it."""
        url = f"sqlite:///{self.folder}/{name}.db"
        with write(open_store(url)) as connection:
            record(self.scenario, connection, ZoneInfo("Europe/Moscow"))
        return url

    def push(self, url: str) -> None:
        """Let Tribute push its webhooks, and a store take them in."""
        engine = open_store(url)
        take_webhooks_in(self.scenario, self.settings, engine)
        engine.dispose()

    def start(self, url: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Begin a command of the reconciler on a store."""
        names = {"RECONCILER_DATABASE__URL": url, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        return subprocess.Popen(
            [COMMAND, "--config", str(self.folder / demo_folder.CONFIG), *arguments],
            env=os.environ | names | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )

    def run(self, url: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        process = self.start(url, *(arguments or ("run", "--json")), **environment)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextmanager
def staged(folder: Path, *, days: int = 10, charges: int = 30) -> Iterator[Stage]:
    """Put a small made-up world up on loopback."""
    scenario = build(datetime.now(UTC), days, charges, seed=1)
    digiseller, tribute, receiver = DigiSellerSimulator(), TributeSimulator(), CommandReceiver()
    digiseller.switches.sells_limit = 0
    into_digiseller(digiseller, scenario)
    into_tribute(tribute, scenario)
    shop = ShopSimulator(folder / "shop.db")
    shop.load(scenario)
    with digiseller, tribute, receiver:
        settings = demo_folder.settings(folder, scenario, digiseller, tribute, shop, receiver)
        demo_folder.write_config(folder, settings)
        yield Stage(scenario, digiseller, tribute, receiver, folder, settings)


def left_behind(url: str) -> dict[str, Any]:
    """What a store holds, apart from times of seeing and the books about runs."""
    moved = {"first_seen_at", "last_seen_at", "released_at"}
    with read(open_store(url)) as connection:
        return {
            "transactions": _rows(connection, transactions, moved),
            "matches": _rows(connection, matches, set()),
            "bookings": _rows(connection, bookings, set()),
            "quarantine": _rows(connection, quarantine, moved),
            "findings": [
                (row["id"], row["kind"], row["status"], _said(row["document"]))
                for row in _rows(connection, findings, moved)
            ],
        }


def _rows(connection: sa.Connection, table: sa.Table, without: set[str]) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns if column.name not in without]
    query = sa.select(*(table.c[name] for name in names)).order_by(*table.primary_key)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        if row.get("occurred_exact") is False:
            del row["occurred_at"]  # when it was first seen
    return rows


def _said(document: dict[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in document.items() if key != "evidence"}
    return said | {"explanation": _TIME.sub("…", document["explanation"])}
