"""Single looks go to the charges that need one, and to no other."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.model import Payment, Status
from reconciler.store import needs
from reconciler.store.engine import open_store, read
from tests.builders import (
    NOW,
    UUID,
    Approval,
    World,
    ago,
    charge,
    denied,
    looked_up,
    order,
    pending,
    refund,
    tribute_charge,
    tribute_look,
    tribute_order,
)


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    """An empty store."""
    return open_store(f"sqlite:///{tmp_path}/s.db")


def wanted(engine: sa.Engine, *facts: Any, provider: str = "digiseller", later: timedelta = timedelta(0)) -> list[str]:
    """The refs that need a look once these facts are stored."""
    World(engine).add(*facts)
    with read(engine) as connection:
        return needs.refs_to_read(connection, provider, NOW + later)


OLD = {"occurred_at": ago(days=20)}


SETTLED = {"occurred_at": ago(days=4)}


def test_a_delivered_sale_is_read_once_a_day_while_it_is_young(engine: sa.Engine) -> None:
    assert wanted(engine, charge(**SETTLED), order()) == ["1001"]
    assert wanted(engine, looked_up()) == []
    assert wanted(engine, later=timedelta(hours=23)) == []
    assert wanted(engine, later=timedelta(days=1)) == ["1001"]
    assert wanted(engine, later=timedelta(days=12)) == []


def test_of_the_sales_of_three_days_a_few_are_read_with_each_pull_in_turn(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "FRESH_LIMIT", 2)
    sales = [charge(str(number), occurred_at=ago(days=2, minutes=number)) for number in range(1000, 1004)]
    orders = [order(f"O{sale.ref}", sale.ref) for sale in sales]
    looks = [looked_up(sale.ref, read_at=ago(minutes=place)) for place, sale in enumerate(sales)]
    assert wanted(engine, *sales, *orders, *looks) == ["1003", "1002"]
    assert wanted(engine, looked_up("1003"), looked_up("1002")) == ["1001", "1000"]


def test_charges_with_open_findings_are_read_with_each_pull(engine: sa.Engine) -> None:
    world = World(engine).complete().add(charge("1002", **OLD), looked_up("1002"))
    assert {row["kind"] for row in world.open()} == {"undelivered_order"}
    assert wanted(engine) == ["1002"]
    assert wanted(engine, later=timedelta(minutes=1)) == ["1002"]
    world.add(refund("1002"))
    assert wanted(engine, replace(looked_up("1002"), read_at=NOW + timedelta(minutes=1))) == []


def test_a_charge_whose_money_is_back_is_not_read_for_its_finding(engine: sa.Engine) -> None:
    world = World(engine).complete().add(charge(**OLD), order(), refund(), looked_up())
    assert {row["kind"] for row in world.open()} == {"suspected_chargeback"}
    assert wanted(engine) == []


@pytest.mark.parametrize(
    "delivered",
    [order(), order(ref=None, code_hash="c" * 64), order(ref=None)],
    ids=["by reference", "by code", "by payment"],
)
def test_an_old_sale_that_a_delivered_order_holds_needs_no_look(engine: sa.Engine, delivered: Any) -> None:
    payment = [Payment("A1", "digiseller", "1001")] if not delivered.provider_ref and not delivered.code_hash else []
    assert wanted(engine, charge(code_hash="c" * 64, **OLD), delivered, *payment) == []


@pytest.mark.parametrize("shop", [[], [pending()], [order(ref=None)]], ids=["none", "undelivered", "no reference"])
def test_an_old_sale_without_a_delivered_order_by_reference_is_read(engine: sa.Engine, shop: list[Any]) -> None:
    assert wanted(engine, charge(**OLD), *shop) == ["1001"]


def test_an_open_sale_is_read_again_the_more_rarely_the_older_it_is(engine: sa.Engine) -> None:
    assert wanted(engine, charge(**OLD), looked_up()) == []
    assert wanted(engine, later=timedelta(hours=9)) == []
    assert wanted(engine, later=timedelta(hours=11)) == ["1001"]
    assert wanted(engine, charge("1002", occurred_at=ago(hours=4)), looked_up("1002"), later=timedelta(minutes=6)) == [
        "1002"
    ]


def test_a_reversed_sale_is_read_once_after_its_reversal_was_seen(engine: sa.Engine) -> None:
    World(engine, now=ago(hours=1)).add(charge(**OLD), order(), refund())
    assert wanted(engine) == ["1001"]
    assert wanted(engine, looked_up()) == []


def test_a_charge_that_is_not_paid_yet_is_read_again(engine: sa.Engine) -> None:
    assert wanted(engine, charge(status=Status.PENDING, listed=False, **OLD)) == ["1001"]


def test_a_reference_that_only_an_order_names_is_looked_up_before_absence_is_concluded(engine: sa.Engine) -> None:
    assert wanted(engine, order(ref="5555")) == ["5555"]
    assert wanted(engine, denied("5555")) == []
    assert wanted(engine, order("A2", None), Payment("A2", "digiseller", "6666")) == ["6666"]
    assert wanted(engine, denied("6666"), order("A3", "7777", status="refunded")) == ["7777"]


def test_an_undelivered_order_and_one_without_provider_ask_nothing(engine: sa.Engine) -> None:
    assert wanted(engine, pending(ref="5555"), order("A2", "6666", provider=None)) == []


def test_tribute_is_asked_only_for_what_it_can_be_asked(engine: sa.Engine) -> None:
    facts = (tribute_order("T1"), tribute_order("T2", "12345"), tribute_charge(UUID.format(7)))
    assert wanted(engine, *facts, provider="tribute") == [UUID.format(1)]


def test_a_pending_tribute_order_is_read_again_while_it_is_young(engine: sa.Engine) -> None:
    waiting = tribute_charge(status=Status.PENDING, occurred_at=ago(days=5))
    assert wanted(engine, waiting, tribute_look(), provider="tribute") == []
    assert wanted(engine, provider="tribute", later=timedelta(hours=3)) == [UUID.format(1)]
    assert wanted(engine, provider="tribute", later=timedelta(days=11)) == []


def test_an_order_that_changed_after_the_look_at_its_charge_is_looked_up_again(engine: sa.Engine) -> None:
    seen = tribute_look(read_at=ago(minutes=5))
    old = {"created_at": ago(days=20)}
    renewed = tribute_order("T2", updated_at=ago(minutes=1), **old)
    facts = (tribute_charge(), seen, tribute_order(**old))
    World(engine).complete().add(*facts).judge()
    assert wanted(engine, provider="tribute") == [], "its charge is matched"
    assert wanted(engine, renewed, provider="tribute") == [UUID.format(1)]
    assert wanted(engine, tribute_look(), provider="tribute") == []


def test_the_charge_of_a_refunded_order_is_read_until_its_refund_shows(engine: sa.Engine) -> None:
    assert wanted(engine, order(ref="5555", status="refunded")) == ["5555"]
    assert wanted(engine, charge("5555", occurred_at=ago(days=200)), looked_up("5555")) == []
    assert wanted(engine, later=timedelta(hours=1)) == ["5555"]
    World(engine, now=ago(hours=1)).add(refund("5555"))
    assert wanted(engine, later=timedelta(hours=1)) == []


def test_the_charge_of_a_refund_on_record_is_read_until_its_refund_shows(engine: sa.Engine) -> None:
    approval = Approval("7777", recorded_at=ago(days=2))
    assert wanted(engine, approval) == ["7777"]
    assert wanted(engine, denied("7777")) == []
    assert wanted(engine, later=timedelta(hours=2)) == ["7777"]


def test_a_recurring_order_older_than_the_sweep_is_read_once_a_day(engine: sa.Engine) -> None:
    old = {"recurring": True, "occurred_at": ago(days=200)}
    facts = (tribute_charge(**old), tribute_charge(UUID.format(1) + ":5", recurring=True, occurred_at=ago(days=170)))
    assert wanted(engine, *facts, provider="tribute") == [UUID.format(1)]


def test_the_rota_is_bounded_and_begins_with_what_was_never_read(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "ROTA_LIMIT", 2)
    sales = [charge(str(number), occurred_at=ago(days=4, minutes=number)) for number in range(1000, 1005)]
    orders = [order(f"O{sale.ref}", sale.ref) for sale in sales]
    read_before = looked_up("1000", read_at=ago(days=1.5))
    assert wanted(engine, *sales, *orders, read_before) == ["1001", "1002"]
