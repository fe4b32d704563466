"""The demo's own folder: taken only if it is ours, emptied at start, with the settings of the run written into it."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from pydantic import SecretStr

from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.receiver import CommandReceiver
from providers.simulators.scenario import Scenario
from providers.simulators.shop import ShopSimulator
from providers.simulators.telegram import TOKEN, TelegramSimulator
from providers.simulators.tribute import TributeSimulator
from reconciler.errors import ConfigError
from reconciler.settings import (
    Alerts,
    Commands,
    Database,
    DigiSellerSettings,
    Providers,
    Report,
    Schedule,
    Settings,
    Shop,
    Telegram,
    TributeSettings,
)

NAME = "reconciler-demo"
MARK = ".made-by-reconciler-demo"
CONFIG = "config.toml"
DATABASE = "reconciler.db"
CALLS_PER_SECOND = 2_000
"""High enough that a run takes seconds; the simulated providers' own limits are lifted as well."""

_CONFIG = """\
# The settings of the last `reconciler demo`. Go on with: reconciler --config {config} findings
# The simulated providers were up at these addresses while it ran (with --serve: until Ctrl-C), so that commands which
# pull find nobody there any more. Nothing here is secret, and this folder is emptied when the demo starts again.

[database]
url = {database}

[providers.digiseller]
base_url = {digiseller_url}
seller_id = {seller_id}
api_key = {digiseller_key}
sells_per_minute = {sells_per_minute}
requests_per_second = {digiseller_pace}

[providers.tribute]
base_url = {tribute_url}
api_key = {tribute_key}
requests_per_second = {tribute_pace}

[shop]
url = {shop}

[shop.commands]
url = {commands_url}
secret = {commands_secret}

[schedule]
initial_days = {initial_days}

[report]
directory = {reports}
"""


@contextmanager
def taken(folder: Path) -> Iterator[Path]:
    """The folder, emptied, and held so that no second demo empties it meanwhile.

    Raises ConfigError when it was not made by the demo, when another demo is at work in it, or when it cannot be
    written.
    """
    with _held(folder, folder / MARK):
        yield folder


def settings(
    folder: Path,
    scenario: Scenario,
    digiseller: DigiSellerSimulator,
    tribute: TributeSimulator,
    shop: ShopSimulator,
    receiver: CommandReceiver,
) -> Settings:
    """What the main job needs to reconcile the running simulators; everything it writes stays in the folder."""
    return Settings(
        database=Database(url=_sqlite(folder / DATABASE)),
        providers=Providers(
            digiseller=DigiSellerSettings(
                base_url=digiseller.base_url,
                seller_id=digiseller.seller_id,
                api_key=SecretStr(digiseller.api_key),
                sells_per_minute=60 * CALLS_PER_SECOND,
                requests_per_second=CALLS_PER_SECOND,
            ),
            tribute=TributeSettings(
                base_url=tribute.base_url, api_key=SecretStr(tribute.api_key), requests_per_second=CALLS_PER_SECOND
            ),
        ),
        shop=Shop(url=SecretStr(shop.url), commands=Commands(url=receiver.address, secret=SecretStr(receiver.secret))),
        schedule=Schedule(initial_days=(scenario.now - scenario.since).days),
        report=Report(directory=str(folder / "reports")),
    )


def alerts(telegram: TelegramSimulator) -> Alerts:
    """Alerts to a running stand-in for Telegram."""
    chat = int(next(iter(telegram.chats)))
    return Alerts(telegram=Telegram(token=SecretStr(TOKEN), chat_ids=(chat,), api_base=telegram.url))


def write_config(folder: Path, chosen: Settings) -> Path:
    """Write the settings as a configuration file that every other command can be given."""
    digiseller, tribute = chosen.providers.digiseller, chosen.providers.tribute
    texts = {
        "database": chosen.database.url,
        "digiseller_url": digiseller.base_url,
        "digiseller_key": digiseller.api_key.get_secret_value(),
        "tribute_url": tribute.base_url,
        "tribute_key": tribute.api_key.get_secret_value(),
        "shop": chosen.shop.url.get_secret_value(),
        "reports": chosen.report.directory,
        "commands_url": chosen.shop.commands.url,
        "commands_secret": chosen.shop.commands.secret.get_secret_value(),
    }
    numbers = {
        "seller_id": digiseller.seller_id,
        "sells_per_minute": digiseller.sells_per_minute,
        "digiseller_pace": digiseller.requests_per_second,
        "tribute_pace": tribute.requests_per_second,
        "initial_days": chosen.schedule.initial_days,
    }
    path = folder / CONFIG
    quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in texts.items()}
    path.write_text(_CONFIG.format(config=f"{folder.name}/{CONFIG}", **quoted, **numbers), encoding="utf-8")
    return path


def _held(folder: Path, mark: Path) -> IO[str]:
    try:
        if folder.is_symlink() or (folder.exists() and not mark.is_file()):
            raise ConfigError(
                f"{folder} was not made by `reconciler demo`: move it away, or start in another directory"
            )
        folder.mkdir(exist_ok=True)
        held = mark.open("a")
        _lock(held, folder)
        _empty(folder, mark)
        if held.tell() == 0:
            held.write("Everything in this folder is removed when `reconciler demo` starts again.\n")
            held.flush()
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used ({error.strerror}): start in a directory of your own") from None
    return held


def _lock(held: IO[str], folder: Path) -> None:
    if sys.platform == "win32":  # without such locks there: two demos at once are the operator's care
        return
    import fcntl

    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise ConfigError(f"another `reconciler demo` is at work in {folder}: stop it first") from None


def _empty(folder: Path, mark: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != mark:
            entry.unlink()


def _sqlite(path: Path) -> str:
    return sa.URL.create("sqlite", database=str(path)).render_as_string()
