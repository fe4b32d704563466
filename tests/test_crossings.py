"""Where several rules meet: everything that is found in a small world, and nothing else."""

import pytest
import sqlalchemy as sa

from reconciler.detectors.base import credits_text
from reconciler.statement import DOES_NOT_CLOSE
from reconciler.store.engine import open_store, write
from tests import crossings_deliveries, crossings_payments, crossings_reversals, stores
from tests.builders import Approval, World, ago, charge, order, refund
from tests.crossing import Crossing, paid, tied, told

CROSSINGS = (*crossings_payments.CROSSINGS, *crossings_deliveries.CROSSINGS, *crossings_reversals.CROSSINGS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """One SQLite store for this module; each world empties it."""
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/crossings.db")


def empty(engine: sa.Engine) -> World:
    """A world without facts, whose feeds are complete."""
    with write(engine) as connection:
        stores.empty(connection)
    return World(engine).complete()


@pytest.mark.parametrize("crossing", CROSSINGS, ids=[one.title for one in CROSSINGS])
def test_everything_that_is_found_in_a_small_world(store: sa.Engine, crossing: Crossing) -> None:
    judged = empty(store).add(*crossing.facts).judge()
    found = [told(row) for row in judged.findings if row["status"] == "open"]
    assert sorted(found) == sorted(crossing.found)
    assert judged.verdict != DOES_NOT_CLOSE, judged.statement["providers"]


def duplicates(world: World) -> dict[str, str]:
    """The open duplicates after judging: what each says, by its id."""
    return {row["id"]: told(row) for row in world.open() if row["kind"] == "duplicate_charge"}


def test_a_duplicate_keeps_its_id_when_the_shop_ties_it_and_when_the_delivery_moves(store: sa.Engine) -> None:
    world = empty(store).add(*paid("1001"), *paid("1002", after=5), *paid("1003", after=10), order())
    first = duplicates(world)
    assert list(first.values()) == ["duplicate_charge(repeated_charge) 1002 1003 of A1, kept 1001, refundable 20.00"]
    tie_one = duplicates(world.add(*tied("1003")))
    tie_all = duplicates(world.add(*tied("1002")))
    moved = duplicates(world.add(order(ref="1002", updated_at=ago(hours=1))))
    one_back = duplicates(world.add(refund("1003"), Approval("1003")))
    assert list(moved.values()) == ["duplicate_charge(same_order) 1001 1003 of A1, kept 1002, refundable 20.00"]
    assert list(one_back.values()) == ["duplicate_charge(repeated_charge) 1001 of A1, kept 1002, refundable 10.00"]
    assert {*first} == {*tie_one} == {*tie_all} == {*moved} == {*one_back}


def test_a_duplicate_names_the_account_that_the_kept_charge_was_delivered_to(store: sa.Engine) -> None:
    world = empty(store).add(*paid("1001"), *paid("1002", after=5), order(account_id="acc"))
    assert [row["account_id"] for row in world.open()] == ["acc"]


def test_an_order_with_more_charges_than_can_be_tried_calls_a_person_and_blames_no_charge(store: sa.Engine) -> None:
    parts = [charge(f"{2000 + place}", amount_minor=1 + 2**place) for place in range(40)]
    sold = order(ref=None, amount_minor=2**39, created_at=ago(hours=5))
    found = [told(row) for row in empty(store).add(*parts, sold, *tied(*(one.ref for one in parts))).open()]
    assert sorted(found) == [f"amount_mismatch(amount) {one.ref} of A1" for one in parts]


def test_two_hundred_charges_of_one_order_are_one_finding(store: sa.Engine) -> None:
    parts = [charge(f"{2000 + place}", occurred_at=ago(hours=5, minutes=-place)) for place in range(200)]
    found = [*duplicates(empty(store).add(*parts, order(ref="2000"), *tied(*(one.ref for one in parts)))).values()]
    assert found == [
        f"duplicate_charge(same_order) {' '.join(one.ref for one in parts[1:])} of A1, kept 2000, refundable 1990.00"
    ]


@pytest.mark.parametrize(
    ("micro", "said"),
    [(0, "0"), (380_000_000, "380"), (1_234_567_500_000, "1234567.5"), (10**14, "100000000"), (1, "0.000001")],
)
def test_credits_are_said_in_full(micro: int, said: str) -> None:
    assert credits_text(micro) == said
