"""What the dashboard's lists cost: no more statements for more rows, and counts and owners from narrow indexes."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconciler.money import Money
from reconciler.schema_cases import cases
from reconciler.store.case_views import chargeback_page, counts
from reconciler.store.disputes import NewDispute, record
from reconciler.store.engine import open_store, read, write
from reconciler.store.filters import Wanted
from reconciler.store.listing import case_page
from tests.builders import NOW, ago
from tests.stores import engine, url

__all__ = ["engine", "url"]


def test_a_page_of_chargebacks_reads_the_stages_of_all_at_once(engine: sa.Engine) -> None:
    with write(engine) as connection:
        for number in range(12):
            named = ("digiseller", str(1000 + number), Money(1000, "WMZ"), "10.4", ago(days=number + 1))
            record(connection, NewDispute(*named), "Ann", NOW)
            record(connection, NewDispute(*named, "won", reached_at=NOW), "Ann", NOW + timedelta(minutes=1))
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    with read(engine) as connection:
        shown, _ = chargeback_page(connection, NOW)
    assert [one["ref"] for one in shown] == [str(1000 + number) for number in range(12)]
    assert all([stage["stage"] for stage in one["stages"]] == ["opened", "won"] for one in shown)
    assert len([one for one in asked if "dispute_stages" in one]) == 1


@pytest.mark.parametrize(("asked", "index"), [("counts", "ix_cases_status"), ("owner", "ix_cases_owned")])
def test_how_many_cases_there_are_and_whose_they_are_is_read_from_a_narrow_index(
    tmp_path: Path, asked: str, index: str
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    statements: list[tuple[str, object]] = []
    sa.event.listen(store, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
    with read(store) as connection:
        counts(connection, NOW) if asked == "counts" else case_page(connection, Wanted(owner="ann"), NOW)
        statement, values = next(one for one in statements if f"FROM {cases.name}" in one[0])
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all())
    assert index in plan
    store.dispose()
