"""Single looks go to the charges that need one, and to no other."""

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
    World,
    ago,
    charge,
    denied,
    looked_up,
    order,
    pending,
    refund,
    tribute_charge,
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


def test_a_delivered_sale_is_read_once_a_day_while_it_is_young(engine: sa.Engine) -> None:
    assert wanted(engine, charge(), order()) == ["1001"]
    assert wanted(engine, looked_up()) == []
    assert wanted(engine, later=timedelta(hours=23)) == []
    assert wanted(engine, later=timedelta(days=1)) == ["1001"]
    assert wanted(engine, later=timedelta(days=16)) == []


@pytest.mark.parametrize(
    "delivered",
    [order(), order(status="refunded"), order(ref=None, code_hash="c" * 64), order(ref=None)],
    ids=["by reference", "refunded since", "by code", "by payment"],
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


def test_a_recurring_order_older_than_the_sweep_is_read_once_a_day(engine: sa.Engine) -> None:
    old = {"recurring": True, "occurred_at": ago(days=200)}
    facts = (tribute_charge(**old), tribute_charge(UUID.format(1) + ":5", recurring=True, occurred_at=ago(days=170)))
    assert wanted(engine, *facts, provider="tribute") == [UUID.format(1)]


def test_the_rota_is_bounded_and_begins_with_what_was_never_read(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "ROTA_LIMIT", 2)
    sales = [charge(str(number), occurred_at=ago(days=2, minutes=number)) for number in range(1000, 1005)]
    orders = [order(f"O{sale.ref}", sale.ref) for sale in sales]
    read_before = looked_up("1000", read_at=ago(days=1.5))
    assert wanted(engine, *sales, *orders, read_before) == ["1001", "1002"]
