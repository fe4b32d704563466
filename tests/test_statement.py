"""The statement closes by itself, and says so when it does not."""

from pathlib import Path

import pytest

from reconciler.model import Status
from reconciler.statement import books, verdict
from reconciler.store.engine import open_store, write
from tests.builders import UUID, Approval, World, ago, charge, looked_up, order, refund, tribute_charge


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A store whose feeds are complete."""
    return World(open_store(f"sqlite:///{tmp_path}/s.db")).complete()


def test_every_charge_is_matched_open_or_excluded_for_a_reason(world: World) -> None:
    world.add(
        charge("1"),
        order("A1", "1"),
        charge("2"),
        looked_up("2"),
        charge("3", occurred_at=ago(minutes=5)),
        charge("4", amount_minor=700),
        refund("4", amount_minor=700),
        charge("9", occurred_at=ago(days=40)),
        *(
            tribute_charge(UUID.format(number), status=status)
            for number, status in enumerate(
                (Status.PENDING, Status.FAILED, Status.PREPAID, Status.TRIAL, Status.UNKNOWN)
            )
        ),
    )
    judged = world.judge()
    digiseller, tribute = judged.statement["providers"]
    assert digiseller["closes"]
    assert tribute["closes"]
    assert digiseller["charges"]["received"] == {"count": 4, "amount": "37.00"}, "what is older than the feed is not in"
    assert digiseller["charges"]["matched"] == {"count": 1, "amount": "10.00"}
    assert digiseller["charges"]["open"] == {"count": 1, "amount": "10.00"}
    assert {name: one["count"] for name, one in digiseller["charges"]["excluded"].items() if one["count"]} == {
        "grace": 1,
        "reversed": 1,
    }
    assert {name: one["count"] for name, one in tribute["charges"]["excluded"].items() if one["count"]} == {
        "pending": 1,
        "failed": 1,
        "prepaid": 1,
        "trial": 1,
        "unknown": 1,
    }


def test_open_items_are_carried_from_run_to_run(world: World) -> None:
    def moves() -> dict[str, int]:
        books = world.judge().statement["providers"][0]["open_items"]
        return {name: one["count"] for name, one in books.items()}

    world.add(charge("1"), charge("2"), looked_up("1"), looked_up("2"))
    assert moves() == {"start": 0, "opened": 2, "closed": 0, "end": 2}
    world.add(order("A1", "1"), charge("3"), looked_up("3"))
    assert moves() == {"start": 2, "opened": 1, "closed": 1, "end": 2}
    assert moves() == {"start": 2, "opened": 0, "closed": 0, "end": 2}


def test_reversals_are_explained_suspected_or_confirmed(world: World) -> None:
    world.add(
        *(charge(ref) for ref in "1234"),
        refund("1"),
        refund("2"),
        Approval("2"),
        refund("3", kind="chargeback"),
        refund("4", seller_started=True),
    )
    books = world.judge().statement["providers"][0]
    assert {name: one["count"] for name, one in books["reversals"].items()} == {
        "received": 4,
        "explained": 2,
        "suspected": 1,
        "confirmed": 1,
    }
    assert books["closes"]


def test_currencies_are_never_added_together(world: World) -> None:
    world.add(charge("1"), charge("2", currency="WMR"), looked_up("1"), looked_up("2"))
    judged = world.judge()
    assert [(one["currency"], one["charges"]["open"]["amount"]) for one in judged.statement["providers"]] == [
        ("WMR", "10.00"),
        ("WMZ", "10.00"),
    ]
    assert judged.statement["at_stake"] == {"WMR": "10.00", "WMZ": "10.00"}


def test_money_at_stake_counts_a_charge_once_whatever_is_found_about_it(world: World) -> None:
    world.add(charge(amount_minor=900, product_id="78"), order())
    judged = world.judge()
    assert judged.statement["findings"]["open"] == 2
    assert judged.statement["at_stake"] == {"WMZ": "9.00"}


def test_the_verdict_is_reconciled_only_when_nothing_is_left(world: World) -> None:
    world.add(charge(), order())
    assert world.judge().verdict == "reconciled"
    world.add(charge("2"), looked_up("2"))
    assert world.judge().verdict == "findings"


def test_a_feed_that_failed_or_never_came_to_its_end_makes_the_verdict_incomplete(world: World) -> None:
    from reconciler.store.facts import begin_feed, end_feed
    from tests.builders import NOW

    with write(world.engine) as connection:
        begin_feed(connection, "tribute.sales", NOW)
        end_feed(connection, "tribute.sales", NOW, "connection refused")
    judged = world.judge()
    assert (judged.verdict, judged.problems) == ("incomplete", ["tribute.sales: connection refused"])


def counted(name: str, count: int, minor: int) -> dict[str, object]:
    """A counted row of one provider and currency."""
    return {"provider": "digiseller", "currency": "WMZ", "class": name, "count": count, "minor": minor}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"classes": [counted("matched", 1, 1000)]}, "charges received = matched + open + excluded"),
        ({"classes": [counted("matched", 1, 1000), counted("open", 1, 999)]}, "charges received"),
        ({"items": [counted("start", 2, 9), counted("end", 1, 1000)]}, "open at start + opened - closed"),
        ({"reversals": [counted("received", 1, 5)]}, "reversals received = explained + suspected + confirmed"),
    ],
)
def test_books_that_do_not_close_are_never_green(changed: dict[str, list[dict[str, object]]], sentence: str) -> None:
    entries = {
        "charges": [counted("paid", 2, 2000)],
        "classes": [counted("matched", 1, 1000), counted("open", 1, 1000)],
        "items": [counted("opened", 1, 1000), counted("end", 1, 1000)],
        "reversals": [],
    }
    assert verdict(books(**entries), complete=True, alarming=False) == "reconciled"
    accounts = books(**(entries | changed))
    assert sentence in accounts[0].broken()[0]
    assert not accounts[0].shown()["closes"]
    assert verdict(accounts, complete=False, alarming=True) == "does_not_close"
