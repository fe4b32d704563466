"""`reconciler demo`: reconciles a made-up shop over real HTTP, and holds what was planted against what was found."""

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.daemon import serve as serve_daemon
from jobs.daily_report import write_daily_report
from jobs.dispatch import dispatch
from jobs.run import RunResult, run_once, utc_now
from jobs.web import WebServer
from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.receiver import CommandReceiver
from providers.simulators.scenario import Scenario, build
from providers.simulators.scenario.load import into_digiseller, into_tribute, push_by_tribute
from providers.simulators.shop import ShopSimulator
from providers.simulators.telegram import TelegramSimulator
from providers.simulators.tribute import TributeSimulator
from reconciler import log
from reconciler.cases.model import Decision
from reconciler.cli import demo_folder, demo_shown, screen
from reconciler.cli.failures import DONE, FOUND, WrongUsage
from reconciler.money import Money
from reconciler.outbox import COMMAND
from reconciler.schema import refund_approvals
from reconciler.settings import Settings
from reconciler.store import disputes
from reconciler.store.cases import case_id, charge_root
from reconciler.store.decisions import decide_case
from reconciler.store.engine import open_store, read, write
from reconciler.store.outbox import entries

SEED = 1
OPERATOR = "Anna"


def run_demo(days: int, charges: int, serve: bool, as_json: bool) -> int:
    """Plant faults in a made-up world, run the main job on it, and print planted against found.

    Everything happens in the folder `reconciler-demo` of the current directory, and no configuration is read. With
    `serve` the daemon and the providers stay up until Ctrl-C. Returns 0 when exactly what was planted was found, else
    1. Raises WrongUsage for numbers that make no world, and ConfigError when the folder is not the demo's own.
    """
    log.set_up(log.Redactor(), logging.INFO if serve else logging.WARNING)
    with demo_folder.taken(Path.cwd() / demo_folder.NAME) as folder, _reached_directly():
        scenario = _world(days, charges)
        telegram = TelegramSimulator()
        with playing(scenario, folder, telegram) as settings, _store(settings) as engine:
            outcome = _play(scenario, settings, engine, telegram, folder, as_json)
            if serve:
                screen.warn(f"the daemon runs with {folder / demo_folder.CONFIG}; stop it with Ctrl-C")
                serve_daemon(settings, engine)
    return DONE if outcome.exact else FOUND


@contextmanager
def playing(scenario: Scenario, folder: Path, telegram: TelegramSimulator | None = None) -> Iterator[Settings]:
    """The made-up world as running providers and a shop's database; gives the settings to reconcile them by.

    Alerts go to `telegram`, and nowhere without it.
    """
    digiseller, tribute = DigiSellerSimulator(), TributeSimulator()
    digiseller.switches.sells_limit = 0
    into_digiseller(digiseller, scenario)
    into_tribute(tribute, scenario)
    shop = ShopSimulator(folder / "shop.db")
    shop.load(scenario)
    receiver = CommandReceiver()
    with ExitStack() as running:
        for simulator in (digiseller, tribute, receiver):
            running.enter_context(simulator)
        settings = demo_folder.settings(folder, scenario, digiseller, tribute, shop, receiver)
        demo_folder.write_config(folder, settings)
        if telegram is not None:
            running.enter_context(telegram)
            settings = settings.model_copy(update={"alerts": demo_folder.alerts(telegram)})
        yield settings


def reconcile(scenario: Scenario, settings: Settings, engine: sa.Engine, notify: Callable[[str], None]) -> RunResult:
    """Record what the made-up operator knows, take in what Tribute pushes, and run the main job once."""
    with write(engine) as connection:
        record(scenario, connection, ZoneInfo(settings.timezone))
    take_webhooks_in(scenario, settings, engine)
    return run_once(settings, engine, notify=notify)


def record(scenario: Scenario, connection: sa.Connection, zone: ZoneInfo) -> None:
    """What the operator of a made-up world enters: refunds that were approved, chargebacks that the bank told of."""
    rows = [{"id": f"demo-{number}", **asdict(one)} for number, one in enumerate(scenario.approvals, 1)]
    connection.execute(sa.insert(refund_approvals), rows)
    for one in scenario.chargebacks:
        money = Money(one.amount_minor, one.currency)
        new = disputes.NewDispute(one.provider, one.ref, money, one.reason_code, one.opened_at, zone=zone)
        disputes.record(connection, new, OPERATOR, datetime.now(UTC))


def confirm(scenario: Scenario, settings: Settings, engine: sa.Engine) -> list[dict[str, Any]]:
    """The operator confirms what the first chargeback's case proposes; the commands that the shop took, as bodies."""
    first = scenario.chargebacks[0]
    id_ = case_id(charge_root(first.provider, first.ref))
    with write(engine) as connection:
        note = "the bank's letter is here"
        decide_case(connection, settings, id_, Decision("suspend", OPERATOR, note, datetime.now(UTC)))
    dispatch(settings, engine, now=lambda: datetime.now(UTC))
    with read(engine) as connection:
        return [json.loads(row["body"]) for row in entries(connection, channels=[COMMAND], states=["sent"])]


def take_webhooks_in(scenario: Scenario, settings: Settings, engine: sa.Engine) -> None:
    """Push what Tribute pushes in a made-up world, and store it.

    The web server is there for as long as there is something to take in, on a port that nobody else has.
    """
    anywhere = settings.web.model_copy(update={"host": "127.0.0.1", "port": 0})
    with WebServer(settings.model_copy(update={"web": anywhere}), engine, lambda: None, utc_now) as web:
        key = settings.providers.tribute.api_key.get_secret_value()
        push_by_tribute(f"http://127.0.0.1:{web.port}/webhooks/tribute", key, scenario)


def _world(days: int, charges: int) -> Scenario:
    try:
        return build(datetime.now(UTC), days, charges, SEED)
    except ValueError as error:
        raise WrongUsage(f"{error}: give --days 1 or more and --charges 0 or more") from None


def _play(
    scenario: Scenario, settings: Settings, engine: sa.Engine, telegram: TelegramSimulator, folder: Path, as_json: bool
) -> demo_shown.Outcome:
    started_s = time.monotonic()
    with screen.progress("reconciling a made-up shop") as notify:
        result = reconcile(scenario, settings, engine, notify)
        notify("writing the report")
        report = write_daily_report(settings, engine, datetime.now(UTC))["html"]
    outcome = demo_shown.compare(scenario.expected, result.findings)
    told = demo_shown.Told(confirm(scenario, settings, engine), [_without_tags(one.text) for one in telegram.posted])
    places = demo_shown.Places(folder, report, time.monotonic() - started_s)
    if as_json:
        screen.emit(demo_shown.document(scenario, result, outcome, places, told))
    else:
        screen.show(*demo_shown.tables(scenario, result, outcome, places, told))
    return outcome


def _without_tags(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


@contextmanager
def _store(settings: Settings) -> Iterator[sa.Engine]:
    engine = open_store(settings.database.url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _reached_directly() -> Iterator[None]:
    """Keep a proxy of the environment out of the way: it could not reach the simulators on this machine's loopback."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ.update(dict.fromkeys(before, "127.0.0.1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
