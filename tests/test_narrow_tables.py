"""SQLite keeps narrow tables in their key; a store that had them otherwise loses nothing when it is brought up."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from reconciler import migrations, schema
from reconciler.columns import BY_KEY
from reconciler.store.engine import connect, open_store, read, write

BEFORE = "0019"
ROWS = {
    "accounts": "'a1', 'b@example.com', NULL, 'active', 5, 7",
    "charge_states": "'digiseller', '1', true, NULL, true, 7",
    "echoes": "'digiseller', '1', 'O1'",
    "payments": "'O1', 'digiseller', '1'",
    "matches": "'digiseller', '1', 'O1', 'reference'",
    "bookings": "'digiseller', '1', 'charge', 'USD', 100, 'matched', 3",
    "loose_ends": "'digiseller', '1'",
}
LOGGED = ("accounts", "charge_states", "echoes", "payments")


@pytest.fixture
def old(tmp_path: Path) -> sa.Engine:
    """A store of before, with a row in each table."""
    engine = connect(f"sqlite:///{tmp_path}/s.db")
    with write(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    with write(engine) as connection:
        for table, row in ROWS.items():
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({row})")
        connection.execute(sa.delete(schema.changes))
    engine.dispose()
    return open_store(engine.url.render_as_string())


def kept_by_key(engine: sa.Engine) -> set[str]:
    with read(engine) as connection:
        return set(connection.exec_driver_sql("SELECT name FROM pragma_table_list WHERE wr").scalars())


def test_every_narrow_table_is_kept_by_its_key(old: sa.Engine, tmp_path: Path) -> None:
    meant = {
        table.name
        for table in schema.metadata.tables.values()
        if table.dialect_options["sqlite"]["with_rowid"] is BY_KEY["sqlite_with_rowid"]
    }
    assert set(ROWS) == meant
    assert kept_by_key(open_store(f"sqlite:///{tmp_path}/new.db")) == kept_by_key(old) == meant


@pytest.mark.parametrize("table", ROWS)
def test_rows_stay_as_they_were(old: sa.Engine, table: str) -> None:
    with read(old) as connection:
        (row,) = connection.exec_driver_sql(f"SELECT * FROM {table}")
        (meant,) = connection.exec_driver_sql(f"SELECT {ROWS[table]}")
    assert row == meant


@pytest.mark.parametrize("table", LOGGED)
def test_their_changes_are_still_noted(old: sa.Engine, table: str) -> None:
    with write(old) as connection:
        connection.exec_driver_sql(f"DELETE FROM {table}")
        assert len(connection.execute(sa.select(schema.changes)).all()) == 1


def test_their_indexes_are_still_there(old: sa.Engine) -> None:
    with read(old) as connection:
        there = {index["name"] for name in ROWS for index in sa.inspect(connection).get_indexes(name)}
    assert there == {index.name for name in ROWS for index in schema.metadata.tables[name].indexes}
