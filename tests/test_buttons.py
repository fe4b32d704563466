"""A press that cannot be acted on stops no press after it; what only fails for a while is fetched again."""

from typing import Any

import pytest
import sqlalchemy as sa

from jobs import buttons
from reconciler.alerts.telegram.bot import Bot
from reconciler.errors import Retryable
from tests import builders
from tests.builders import NOW
from tests.stores import engine, url

__all__ = ["engine", "url"]
UPDATE = {
    "update_id": 7,
    "callback_query": {
        "id": "q", "data": "a:token", "from": {"id": 5},
        "message": {"message_id": 3, "chat": {"id": 9}},
    },
}  # fmt: skip


def heard(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[Any]:
    """What was tried to be acted on, when acting fails in a certain way."""
    tried: list[Any] = []

    def act(_connection: Any, _telegram: Any, pressed: Any, _now: Any) -> str:
        tried.append(pressed)
        raise error

    monkeypatch.setattr(buttons, "act", act)
    settings = builders.settings(alerts={"telegram": {"token": "1:x", "user_ids": [5]}})
    buttons.hear(Bot(settings.alerts.telegram), settings, engine, UPDATE, NOW)
    return tried


def test_a_press_that_we_fail_at_is_said_and_left_behind(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    (tried,) = heard(engine, monkeypatch, RuntimeError("a fault of ours"))
    assert (tried.user_id, tried.token) == (5, "token")


@pytest.mark.parametrize("error", [Retryable("away"), sa.exc.OperationalError("", {}, Exception("locked"))])
def test_what_fails_for_a_while_is_raised_to_be_fetched_again(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with pytest.raises(type(error)):
        heard(engine, monkeypatch, error)
