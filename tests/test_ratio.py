"""The ratio watch over stored facts: by month, provider and currency, on both databases."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.model import Kind, Status
from reconciler.money import Money
from reconciler.store.disputes import NewDispute, record
from reconciler.store.engine import read, write
from reconciler.store.ratio import ratios
from tests import builders
from tests.builders import NOW, World, ago, charge, refund, tribute_charge
from tests.stores import engine, url

__all__ = ["engine", "url"]


def shown(engine: sa.Engine, minimum: int = 1) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The ratios by month, provider and currency, once a run has counted the charges."""
    World(engine).complete(since=ago(days=60)).judge()
    configured = builders.settings(ratio={"limit_percent": 50, "minimum_charges": minimum}, timezone="Europe/Moscow")
    with read(engine) as connection:
        rows = ratios(connection, configured, NOW)
    return {(row["month"], row["provider"], row["currency"]): row for row in rows}


def dispute(engine: sa.Engine, ref: str, stage: str = "opened", at: datetime = NOW, **changes: Any) -> None:
    """Record a chargeback."""
    values = {"provider": "digiseller", "money": Money(1000, "WMZ"), "reason_code": "10.4"} | changes
    with write(engine) as connection:
        record(connection, NewDispute(ref=ref, opened_at=at, stage=stage, **values), "Ann", NOW)


def test_each_provider_and_currency_is_counted_by_itself(engine: sa.Engine) -> None:
    world = World(engine)
    world.add(charge("1"), charge("2"), charge("3", currency="RUB"), tribute_charge("4"))
    dispute(engine, "1")
    counts = {key[1:]: (row["charges"], row["chargebacks"], row["state"]) for key, row in shown(engine).items()}
    assert counts == {
        ("digiseller", "WMZ"): (2, 1, "over"),
        ("digiseller", "RUB"): (1, 0, "ok"),
        ("tribute", "USD"): (1, 0, "ok"),
    }


def test_too_few_charges_say_nothing(engine: sa.Engine) -> None:
    World(engine).add(charge("1"), charge("2"))
    dispute(engine, "1")
    assert {row["state"] for row in shown(engine, minimum=3).values()} == {"too_few"}
    assert {row["state"] for row in shown(engine, minimum=2).values()} == {"over"}


def test_a_month_ends_at_midnight_of_the_configured_zone(engine: sa.Engine) -> None:
    before, after = "2026-10-31T20:59:59+00:00", "2026-10-31T21:00:00+00:00"
    times = [datetime.fromisoformat(text) for text in (before, after)]
    World(engine).add(*(charge(str(number), occurred_at=at) for number, at in enumerate(times)))
    assert [(key[0], row["charges"]) for key, row in shown(engine).items()] == [("2026-10", 1), ("2026-11", 1)]


def test_signs_and_prevented_ones_are_no_chargebacks_and_none_counts_twice(engine: sa.Engine) -> None:
    world = World(engine)
    world.add(*(charge(ref) for ref in "12345"))
    dispute(engine, "1", "signal")
    dispute(engine, "2", "prevented")
    dispute(engine, "3", "won")
    world.add(*(refund(ref, kind=Kind.CHARGEBACK) for ref in "34"))
    world.add(refund("5", kind=Kind.CHARGEBACK, status=Status.WITHDRAWN))
    assert [row["chargebacks"] for row in shown(engine).values()] == [2]  # 3 and 4


def test_what_a_provider_names_counts_although_a_sign_of_it_was_recorded(engine: sa.Engine) -> None:
    World(engine).add(charge("1"), refund("1", kind=Kind.CHARGEBACK))
    dispute(engine, "1", "signal")
    assert [row["chargebacks"] for row in shown(engine).values()] == [1]


def test_a_chargeback_counts_in_the_month_of_its_opening_in_the_currency_of_its_charge(engine: sa.Engine) -> None:
    World(engine).add(charge("1", occurred_at=ago(days=40)), charge("2"))
    dispute(engine, "1", money=Money(1000, "USD"))
    counts = {key: (row["charges"], row["chargebacks"]) for key, row in shown(engine).items()}
    assert counts == {
        ("2026-10", "digiseller", "WMZ"): (1, 0),
        ("2026-11", "digiseller", "WMZ"): (1, 1),
    }
