"""An event at which this program fails is put aside and told of; it keeps back no other, and is read again later."""

from typing import Any

import pytest
import sqlalchemy as sa

from jobs.inbox import FAULT
from providers.tribute.receiver import TributeReceiver
from reconciler.schema import quarantine
from reconciler.store import inbox
from reconciler.store.engine import read, write
from tests.builders import NOW
from tests.stores import engine, url
from tests.webhook_stage import purchase
from tests.webhook_world import Pushed, facts, stored

__all__ = ["engine", "url"]


def test_an_event_that_we_fail_at_keeps_back_no_other_and_is_read_again(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = TributeReceiver.read

    def wrong(self: TributeReceiver, delivery: Any, situation: Any) -> Any:
        if b"78901" in delivery.body:
            raise RuntimeError("not foreseen")
        return right(self, delivery, situation)

    pushed = Pushed(engine)
    with monkeypatch.context() as patch:
        patch.setattr(TributeReceiver, "read", wrong)
        pushed.receive(purchase(78901), purchase(78902)).work()
    first, second = stored(engine)
    assert (first["state"], first["result"]) == ("unreadable", f"{FAULT}: RuntimeError")
    assert (second["state"], len(facts(engine))) == ("done", 1)
    with read(engine) as connection:
        (reason,) = connection.execute(sa.select(quarantine.c.reason)).scalars()
    assert FAULT in reason
    with write(engine) as connection:
        inbox.again(connection, [first["id"]], NOW)
    pushed.work()
    assert len(facts(engine)) == 2
