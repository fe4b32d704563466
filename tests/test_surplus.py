"""Whether a charge is the surplus one of a duplicate is known at once, however many findings there are."""

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from reconciler.store import engine as stores
from reconciler.store.engine import open_store, read, write
from reconciler.store.purchases import read_purchases
from tests.builders import World, ago, charge, looked_up, order, refund
from tests.stores import engine, url

__all__ = ["engine", "url"]
DUPLICATE = (charge("1001"), charge("1002", occurred_at=ago(hours=4.9)), looked_up("1001"), looked_up("1002"), order())
MANY = [("digiseller", str(number)) for number in range(1001, 1100)]


def surplus(engine: sa.Engine, *keys: tuple[str, str]) -> list[str]:
    """Which of these charges are surplus ones."""
    with read(engine) as connection:
        return [ref for (_, ref), one in sorted(read_purchases(connection, keys, {}).items()) if one.surplus]


def test_of_an_open_duplicate_the_surplus_charge_is_known_and_of_a_resolved_one_none(engine: sa.Engine) -> None:
    world = World(engine).complete().add(*DUPLICATE)
    world.judge()
    assert surplus(engine, *MANY[:2]) == surplus(engine, *MANY) == ["1002"]
    assert surplus(engine, ("tribute", "1002")) == []
    world.add(refund("1002", occurred_at=ago(hours=1))).judge()
    assert surplus(engine, *MANY[:2]) == surplus(engine, *MANY) == []


def test_a_third_charge_joins_the_surplus_ones_of_its_duplicate(engine: sa.Engine) -> None:
    world = World(engine).complete().add(*DUPLICATE)
    world.judge()
    world.add(charge("1003", occurred_at=ago(hours=4.8)), looked_up("1003")).judge()
    assert surplus(engine, *MANY[:3]) == ["1002", "1003"]


def test_no_document_is_read_for_it(engine: sa.Engine) -> None:
    World(engine).complete().add(*DUPLICATE).judge()
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    surplus(engine, *MANY[:2])
    assert any("surplus" in one for one in asked)
    assert not any("document" in one for one in asked)


def test_duplicates_from_before_there_was_a_column_for_it_are_known_too(url: str) -> None:
    engine = open_store(url)
    World(engine).complete().add(*DUPLICATE).judge()
    with write(engine) as connection:
        connection.exec_driver_sql("DROP INDEX ix_findings_surplus")
        connection.exec_driver_sql("ALTER TABLE findings DROP COLUMN surplus")
        config = Config()
        config.set_main_option("script_location", str(Path(stores.__file__).parent.parent / "migrations"))
        config.attributes["connection"] = connection
        command.stamp(config, "0021", purge=True)
        command.upgrade(config, "0022")
        (said,) = connection.exec_driver_sql("SELECT surplus FROM findings").scalars()
    assert json.loads(said) == ["1002"]
    assert surplus(engine, *MANY[:2]) == ["1002"]
    engine.dispose()
