"""The plan gives what the rules say, row by row, on hostile sets, in any order of rows, on both databases."""

import random
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.columns import to_us
from reconciler.matching import relations, run
from reconciler.matching.terms import Coverage, Horizon, Terms
from reconciler.model import Account, ChargeState, Order, Payment, Transaction
from reconciler.store.engine import write
from reconciler.store.facts import save_page
from reconciler.store.steps import StoreEngine, match_stored
from tests import stores
from tests.builders import NOW, UUID, ago, charge, order, page_of, tribute_charge
from tests.matching_oracle import Oracle, ties_of
from tests.stores import engine, url

__all__ = ["engine", "url"]

BUYERS = ("a@x.example", "b@x.example", None)
CODES = ("c1" * 32, "c2" * 32, None, None, None)
REFS = ("1001", "1002", "1003", "10010", "1001 ", None)
ACCOUNTS = (Account("acc", "active", NOW, email="a@x.example"), Account("acd", "active", NOW, telegram_user_id="7"))


def horizon() -> Horizon:
    """Everything was read."""
    full = Coverage(0, to_us(NOW))
    return Horizon(to_us(NOW), to_us(NOW), {"digiseller": full, "tribute": full})


def plan_result(engine: sa.Engine, facts: list[Any]) -> dict[str, set[tuple[str, str, str]]]:
    """Store facts in the order given, run the plan, and read its tables."""
    with write(engine) as connection:
        stores.empty(connection)
        save_page(connection, page_of(facts), NOW)
        matched = match_stored(connection, Terms(), horizon())
        return {name: _rows(matched, getattr(relations, name)) for name in ("tie", "contested", "likely")}


def _rows(matched: StoreEngine, table: sa.Table) -> set[tuple[str, str, str]]:
    columns = (table.c.provider, table.c.ref, table.c.order_id)
    return {tuple(row.values()) for row in matched.rows(sa.select(*columns))}  # type: ignore[misc]


def _hostile_charges(pick: random.Random) -> list[Transaction]:
    charges: list[Transaction] = [
        charge(
            ref,
            occurred_at=ago(minutes=pick.choice([100, 100, 110, 130, 160.5])),
            buyer_email=pick.choice(BUYERS),
            telegram_user_id=pick.choice(["7", None]),
            account_id=pick.choice(["acc", None, None]),
            amount_minor=pick.choice([1000, 1000, 1001]),
            currency=pick.choice(["WMZ", "WMT", "WMX", "WME"]),
            product_id=pick.choice(["77", "78", None]),
            code_hash=pick.choice(CODES),
        )
        for ref in ("1001", "1002", "1003", "1004", "10010")
    ]
    for group in (1, 2):
        recurring = pick.random() < 0.5
        charges += [
            tribute_charge(
                UUID.format(group) + suffix,
                recurring=recurring,
                occurred_at=ago(minutes=pick.choice([100, 110, 130])),
                buyer_email=pick.choice(BUYERS),
            )
            for suffix in ("", ":5", ":6")[: pick.randint(1, 3)]
        ]
    return charges


def _hostile_orders(pick: random.Random) -> list[Order]:
    return [
        order(
            f"O{number}",
            pick.choice([*REFS, None, None, UUID.format(1), UUID.format(1) + ":5", UUID.format(2)]),
            provider=pick.choice(["digiseller", "tribute", None]),
            created_at=ago(minutes=pick.choice([100, 100, 110, 135, 170])),
            buyer_email=pick.choice(BUYERS),
            telegram_user_id=pick.choice(["7", "8", None, None]),
            account_id=pick.choice(["acc", "acd", None, None]),
            amount_minor=pick.choice([1000, 1000, 1001]),
            currency=pick.choice(["USD", "USD", "EUR"]),
            product_id=pick.choice(["77", None]),
            code_hash=pick.choice(CODES),
            status=pick.choice(["delivered", "delivered", "pending", "refunded", "cancelled"]),
        )
        for number in range(9)
    ]


def hostile(seed: int) -> list[Any]:
    """A small world of ties: equal amounts and seconds, NULLs, look-alike references, shared orders, echoes."""
    pick = random.Random(seed)
    charges, orders = _hostile_charges(pick), _hostile_orders(pick)
    payments = [
        Payment(f"O{pick.randint(0, 9)}", "digiseller", pick.choice(["1001", "1002", "1009"]))
        for _ in range(pick.randint(0, 2))
    ]
    states = [
        ChargeState(one.provider, one.ref, NOW, echoes=(pick.choice(["O1", "O2", "acc", "zzz"]),))
        for one in charges
        if pick.random() < 0.3
    ]
    return [*charges, *orders, *dict.fromkeys(payments), *states, *ACCOUNTS]


def oracle_of(facts: list[Any]) -> Oracle:
    """The oracle over the same facts."""

    def of(kind: type) -> list[Any]:
        return [fact for fact in facts if isinstance(fact, kind)]

    return Oracle(of(Transaction), of(Order), of(Payment), of(ChargeState), of(Account)).run()


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_hostile_worlds_are_matched_by_the_letter_of_the_rules(engine: sa.Engine, start: int) -> None:
    for seed in range(start, start + 20):
        facts = hostile(seed)
        wanted, got = oracle_of(facts), plan_result(engine, facts)
        assert got["tie"] == ties_of(wanted), f"seed {seed}"
        assert {row[:2] for row in got["contested"]} == wanted.contested, f"seed {seed}"
        assert {row[:2]: row[2] for row in got["likely"]} == wanted.likely, f"seed {seed}"


def test_the_order_of_rows_changes_nothing(engine: sa.Engine) -> None:
    facts = hostile(3)
    first = plan_result(engine, facts)
    random.Random(1).shuffle(facts)
    assert plan_result(engine, facts) == first


def chain(length: int) -> list[Any]:
    """Charges and orders in a row with shrinking gaps, of which only the last pair is mutually best at a time."""
    facts: list[Any] = []
    moment, gap = ago(days=2), timedelta(seconds=2 * length)
    for number in range(length):
        make = charge if number % 2 == 0 else order
        name = f"{number:04}"
        if make is charge:
            facts.append(charge(name, occurred_at=moment))
        else:
            facts.append(order(name, None, created_at=moment))
        moment += gap
        gap -= timedelta(seconds=1)
    return facts


def test_a_chain_of_shrinking_gaps_gives_what_the_rules_give(engine: sa.Engine) -> None:
    facts = chain(400)
    assert plan_result(engine, facts)["tie"] == ties_of(oracle_of(facts))


@pytest.mark.parametrize("length", [60, pytest.param(400, marks=pytest.mark.long)])
def test_finishing_greedily_equals_the_plain_rounds(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    facts = chain(length)
    finished = plan_result(engine, facts)
    monkeypatch.setattr(run, "MAX_ROUNDS", 1000)
    assert plan_result(engine, facts) == finished


def test_equal_seconds_are_broken_by_reference_whatever_the_collation(engine: sa.Engine) -> None:
    facts = [charge("b"), charge("B"), charge("a"), order("o2", None), order("O1", None)]
    assert plan_result(engine, facts)["tie"] == {("digiseller", "B", "O1"), ("digiseller", "a", "o2")}


def test_nothing_is_tied_by_an_empty_field(engine: sa.Engine) -> None:
    facts = [charge("1001", buyer_email=None), order("A1", None, buyer_email=None), order("A2", None)]
    assert plan_result(engine, facts)["tie"] == set()
