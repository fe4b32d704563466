"""What is on record about a charge does not depend on the order in which the database tells its rows."""

import pytest
import sqlalchemy as sa

from reconciler.store.engine import read
from reconciler.store.purchases import read_purchases
from tests.builders import World, ago, charge, order
from tests.stores import engine, url

__all__ = ["engine", "url"]


@pytest.mark.parametrize("first", ["A1", "A9"])
def test_of_several_orders_that_claim_a_charge_the_first_one_made_counts(engine: sa.Engine, first: str) -> None:
    later = {"A1": "A9", "A9": "A1"}[first]
    World(engine).add(charge(), order(later, created_at=ago(hours=4)), order(first, created_at=ago(hours=6)))
    key = ("digiseller", "1001")
    with read(engine) as connection:
        assert read_purchases(connection, [key], {})[key].order_id == first
