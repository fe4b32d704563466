"""A provider that is turned off is not judged: what was found before stays as it was, and it can come back."""

from typing import Any

import sqlalchemy as sa

from reconciler.model import Signal
from reconciler.store.engine import read
from reconciler.store.findings import history, list_findings
from tests.builders import World, ago, charge, looked_up, order, settings, tribute_charge
from tests.stores import engine, url

__all__ = ["engine", "url"]

OFF = {"digiseller": {"enabled": False}, "tribute": {"api_key": "k"}}


def stored(engine: sa.Engine) -> list[dict[str, Any]]:
    """All findings of the store as rows, apart from when they were last seen."""
    with read(engine) as connection:
        return [row | {"last_seen_at": None} for row in list_findings(connection)]


def test_findings_of_a_disabled_provider_stay_as_they_are(engine: sa.Engine) -> None:
    facts = (charge(), looked_up(), Signal("digiseller", "1001", "code_refuted", True))
    on = World(engine).complete().add(*facts)
    on.judge()
    before = stored(engine)
    assert {row["kind"] for row in before} == {"undelivered_order", "dispute_signal"}
    off = World(engine, settings=settings(providers=OFF))
    changes = off.judge().changes
    assert (changes.resolved, changes.changed, changes.opened) == ([], [], [])
    assert stored(engine) == before
    assert on.judge().changes.reopened == []


def test_what_changed_meanwhile_is_judged_when_the_provider_is_back(engine: sa.Engine) -> None:
    World(engine).complete().add(charge(), looked_up()).judge()
    World(engine, settings=settings(providers=OFF)).add(order()).judge()
    assert [row["status"] for row in stored(engine)] == ["open"]
    (resolved,) = World(engine).judge().changes.resolved
    with read(engine) as connection:
        assert [event["event"] for event in history(connection, resolved)] == ["opened", "resolved"]


def test_the_other_provider_is_judged_as_ever(engine: sa.Engine) -> None:
    off = World(engine, settings=settings(providers=OFF)).complete()
    off.add(charge(), looked_up(), tribute_charge(occurred_at=ago(hours=4)))
    assert [(row["kind"], row["provider"]) for row in off.open()] == [("undelivered_order", "tribute")]
