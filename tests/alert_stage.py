"""Where alerts arrive in tests: a simulated Telegram with its buttons, an address of somebody's own; and cases."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.buttons import act
from providers.simulators.server import Reply, SimulatedServer, json_reply
from providers.simulators.telegram import Posted, TelegramSimulator
from reconciler.alerts.telegram.buttons import press
from reconciler.schema_cases import cases
from reconciler.settings import Settings
from reconciler.store.engine import write
from reconciler.words import say
from tests.alert_world import ANN, NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Hook(SimulatedServer):
    """An address of somebody's own, which takes what apprise posts as JSON."""

    def handle(self, method: str, path: str, query: Any, body: bytes) -> Reply:
        """Take it."""
        return json_reply({"ok": True})

    @property
    def titles(self) -> list[str]:
        """The titles that arrived, in order."""
        import json

        return [str(json.loads(call.body)["title"]) for call in self.calls]


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    """Telegram's stand-in, up on loopback."""
    with TelegramSimulator() as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook, up on loopback."""
    with Hook() as running:
        yield running


def pressed(
    engine: sa.Engine, settings: Settings, telegram: TelegramSimulator, posted: Posted, label: str, at: Any, **how: Any
) -> str:
    """What a press of a button comes to."""
    telegram.press(posted, label, **({"user": ANN} | how))
    wanted = press(telegram.updates.pop())
    assert wanted is not None
    with write(engine) as connection:
        return say("en", f"pressed.{act(connection, settings.alerts.telegram, wanted, at)}")


def put_cases(connection: sa.Connection, *statuses: str) -> None:
    """A case for each finding, in this state."""
    from reconciler.schema import findings

    connection.execute(sa.update(findings).values(case_id=None))
    connection.execute(sa.delete(cases))
    ids = connection.execute(sa.select(findings.c.id).order_by(findings.c.id)).scalars().all()
    for number, (id_, status) in enumerate(zip(ids, statuses, strict=True)):
        row = {
            "id": f"c{number}", "root": f"r{number}", "status": status, "version": 1, "kind": "k",
            "severity": "critical",
            "said": {}, "reopened": False, "opened_at": NOON, "updated_at": NOON, "due_at": NOON + 3 * HOUR,
            "due_told": "due_soon",
        }  # fmt: skip
        connection.execute(sa.insert(cases).values(row))
        connection.execute(sa.update(findings).where(findings.c.id == id_).values(case_id=f"c{number}"))
