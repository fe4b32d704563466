"""Triggers that note each change of a table in `changes`, so that the next run judges again what it touches."""

from collections.abc import Mapping

from alembic import op

TRANSACTION = {"target": "'transaction'", "provider": "{row}.provider", "ref": "{row}.ref"}
ORDER = {"target": "'order'", "provider": "{row}.provider", "ref": "{row}.order_id"}
ACCOUNT = {"target": "'account'", "ref": "{row}.account_id"}
RECORD = {"target": "'record'", "provider": "{row}.provider", "other_ref": "{row}.source", "ref": "{row}.key"}
"""What a row of a logged table is about, by its columns."""

_EVENTS = {"INSERT": ("NEW", False), "UPDATE": ("OLD", True), "DELETE": ("OLD", True)}


def log_changes(table: str, key: Mapping[str, str], links: Mapping[str, str] | None = None) -> None:
    """Note changes of `table`: `key` names the changed row, `links` the columns by which it was linked before."""
    log = _log_on_postgresql if op.get_bind().dialect.name == "postgresql" else _log_on_sqlite
    log(table, {event: _insert(key, links or {}, *how) for event, how in _EVENTS.items()})


def _insert(key: Mapping[str, str], links: Mapping[str, str], row: str, old: bool) -> str:
    """The statement that logs a change of one row; `row` is NEW or OLD."""
    values = {name: value.format(row=row) for name, value in key.items()}
    if old:
        values |= {name: f"OLD.{column}" for name, column in links.items()}
    values["old"] = "true" if old else "false"
    return f"INSERT INTO changes ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def _log_on_sqlite(table: str, inserts: Mapping[str, str]) -> None:
    for event, insert in inserts.items():
        op.execute(f"CREATE TRIGGER log_{table}_{event.lower()} AFTER {event} ON {table} BEGIN {insert}; END")


def _log_on_postgresql(table: str, inserts: Mapping[str, str]) -> None:
    op.execute(
        f"CREATE FUNCTION log_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'INSERT' THEN {inserts['INSERT']}; ELSE {inserts['UPDATE']}; END IF; "
        f"RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER log_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION log_{table}()"
    )
