"""An event at which this program fails is put aside and told of; it keeps back no other, and is read again later."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.inbox import FAULT
from providers.tribute.receiver import TributeReceiver
from reconciler.schema import quarantine
from reconciler.store import inbox
from reconciler.store.engine import read, write
from reconciler.webhooks import NOT_SHOWN, Delivery, shown_or_note
from tests.builders import NOW, UUID
from tests.stores import engine, url
from tests.webhook_stage import purchase, pushed, shop_order, tribute
from tests.webhook_world import Pushed, facts, stored

__all__ = ["engine", "pushed", "tribute", "url"]
Patch = pytest.MonkeyPatch
FIRST, SECOND = UUID.format(1), UUID.format(2)


def fail(patch: Patch, name: str, when: Callable[..., bool]) -> None:
    """Let a method of the receiver fail at some of the events."""
    right = getattr(TributeReceiver, name)

    def wrong(self: TributeReceiver, delivery: Any, *more: Any) -> Any:
        if when(delivery, *more):
            raise RuntimeError("not foreseen")
        return right(self, delivery, *more)

    patch.setattr(TributeReceiver, name, wrong)


def about_the_first(delivery: Any, *_more: Any) -> bool:
    return b"78901" in delivery.body


def aside(pushed: Pushed) -> tuple[str, Any]:
    """Why the one event in quarantine is there, and what is shown of it."""
    with read(pushed.engine) as connection:
        ((reason, body),) = connection.execute(sa.select(quarantine.c.reason, quarantine.c.body)).all()
    return reason, json.loads(body)


def test_an_event_that_we_fail_at_keeps_back_no_other_and_is_read_again(engine: sa.Engine, monkeypatch: Patch) -> None:
    pushed = Pushed(engine)
    with monkeypatch.context() as patch:
        fail(patch, "read", about_the_first)
        pushed.receive(purchase(78901), purchase(78902)).work()
    first, second = stored(engine)
    assert (first["state"], first["result"]) == ("unreadable", f"{FAULT}: RuntimeError")
    assert (second["state"], len(facts(engine))) == ("done", 1)
    reason, body = aside(pushed)
    assert FAULT in reason
    assert body["payload"]["purchase_id"] == 78901
    with write(engine) as connection:
        inbox.again(connection, [first["id"]], NOW)
    pushed.work()
    assert len(facts(engine)) == 2


@pytest.mark.parametrize("shown", [RuntimeError("not foreseen"), {("no", "name"): 1}])
def test_an_event_that_cannot_even_be_shown_is_put_aside_and_keeps_back_no_other(
    engine: sa.Engine, monkeypatch: Patch, shown: Any
) -> None:
    pushed = Pushed(engine)
    fail(monkeypatch, "read", about_the_first)
    if isinstance(shown, Exception):
        fail(monkeypatch, "shown", about_the_first)
    else:
        monkeypatch.setattr(TributeReceiver, "shown", lambda *_: shown)
    pushed.receive(purchase(78901), purchase(78902)).work()
    assert [one["state"] for one in stored(engine)] == ["unreadable", "done"]
    reason, body = aside(pushed)
    assert FAULT in reason
    assert body == NOT_SHOWN


def test_an_event_that_we_fail_at_after_the_api_answered_keeps_back_no_other(
    pushed: Pushed, monkeypatch: Patch
) -> None:
    fail(monkeypatch, "read", lambda delivery, asked: asked.looked and FIRST.encode() in delivery.body)
    pushed.receive(shop_order(FIRST), shop_order(SECOND)).work()
    first, second = stored(pushed.engine)
    assert (first["state"], first["result"], first["looks"]) == ("unreadable", f"{FAULT}: RuntimeError", 1)
    assert (second["state"], second["looks"]) == ("denied", 1)
    assert FAULT in aside(pushed)[0]


@pytest.mark.parametrize("show", [lambda _delivery: 1 / 0, lambda _delivery: {("no", "key"): 1}])
def test_what_cannot_be_shown_or_written_down_is_a_note_to_whoever_asks_for_it(show: Callable[[Delivery], Any]) -> None:
    assert shown_or_note(show, Delivery("POST", b"", (), b"{}")) == NOT_SHOWN
