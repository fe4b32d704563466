"""Whatever a judgement reads is noted when it changes, or is judged as a whole in every run."""

from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import visitors

from reconciler import schema
from reconciler.detectors import ALWAYS, DETECTORS, Context
from reconciler.detectors.marks import aged_orders, aged_transactions, marks
from reconciler.matching import relations
from reconciler.matching.inputs import sources
from reconciler.matching.terms import Coverage, Horizon, Terms
from reconciler.statement import bookings_of
from tests.stores import engine, url

__all__ = ["engine", "url"]

CONCLUDED = {"matches"}
"""What runs themselves write: it changes with nothing but what they judge."""
HORIZON = Horizon(0, 0, {"digiseller": Coverage(0, 1), "tribute": Coverage(0, 1)}, {"digiseller": 1, "tribute": 1})
CONTEXT = Context(Terms(), HORIZON)


def tables(selects: Iterable[Any]) -> set[str]:
    """The stored tables that selects read."""
    read = {
        getattr(node, "element", node) for select in selects for node in visitors.iterate(select) if _is_table(node)
    }
    return {table.name for table in read if table.metadata is schema.metadata}


def _is_table(node: Any) -> bool:
    return isinstance(getattr(node, "element", node), sa.Table)


def noted(engine: sa.Engine) -> set[str]:
    """The tables whose changes of every kind are written into the log, as the database says."""
    if engine.dialect.name == "postgresql":
        query = "SELECT event_object_table, count(*) FROM information_schema.triggers WHERE trigger_name LIKE 'log_%'"
        query += " GROUP BY event_object_table"
    else:
        query = "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'log_%' GROUP BY 1"
    with engine.connect() as connection:
        return {name for name, events in connection.execute(sa.text(query)) if events == 3}


def test_what_matching_and_the_statement_read_is_noted_when_it_changes(engine: sa.Engine) -> None:
    inputs = sources({}, HORIZON)
    assert set(inputs) == set(relations.INPUTS)
    read = tables([*inputs.values(), bookings_of(CONTEXT.terms, HORIZON, scoped=False)])
    assert {"orders", "transactions", "quarantine", "charge_states"} <= read
    assert read - CONCLUDED <= noted(engine)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: "-".join(detector.kinds))
def test_what_a_detector_reads_is_noted_when_it_changes_or_judged_whole(engine: sa.Engine, detector: Any) -> None:
    read = tables([detector.candidates(CONTEXT)])
    assert detector in ALWAYS or read - CONCLUDED <= noted(engine)
    assert detector not in ALWAYS or read, "what is judged in every run must not need the plan's tables"


def test_what_comes_of_age_is_looked_for_in_tables_that_are_noted(engine: sa.Engine) -> None:
    before, now = dict.fromkeys(marks(CONTEXT), 0), {name: value + 1 for name, value in marks(CONTEXT).items()}
    read = tables([*aged_transactions(before, now), *aged_orders(before, now)])
    assert read - CONCLUDED <= noted(engine)
