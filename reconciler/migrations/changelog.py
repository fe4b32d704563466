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


def log_at_once(table: str, key: Mapping[str, str], links: Mapping[str, str]) -> None:
    """On PostgreSQL, in the place of what `log_changes` made: note all rows that a statement changed in one insert."""
    if op.get_bind().dialect.name != "postgresql":
        return
    come, gone = (_noted(key, links, "moved", old) for old in (False, True))
    op.execute(f"DROP TRIGGER log_{table} ON {table}")
    op.execute(_function(table, *(f"{_into(noted)} SELECT {_listed(noted)} FROM moved" for noted in (come, gone))))
    for event, (rows, _) in _EVENTS.items():
        op.execute(
            f"CREATE TRIGGER log_{table}_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} TABLE AS moved "
            f"FOR EACH STATEMENT EXECUTE FUNCTION log_{table}()"
        )


def _insert(key: Mapping[str, str], links: Mapping[str, str], row: str, old: bool) -> str:
    """The statement that logs a change of one row; `row` is NEW or OLD."""
    noted = _noted(key, links, row, old)
    return f"{_into(noted)} VALUES ({_listed(noted)})"


def _noted(key: Mapping[str, str], links: Mapping[str, str], row: str, old: bool) -> dict[str, str]:
    """What is noted of a changed row, by the columns of the log."""
    values = {name: value.format(row=row) for name, value in key.items()}
    if old:
        values |= {name: f"{row}.{column}" for name, column in links.items()}
    return values | {"old": "true" if old else "false"}


def _into(noted: Mapping[str, str]) -> str:
    return f"INSERT INTO changes ({', '.join(noted)})"


def _listed(noted: Mapping[str, str]) -> str:
    return ", ".join(noted.values())


def _log_on_sqlite(table: str, inserts: Mapping[str, str]) -> None:
    for event, insert in inserts.items():
        op.execute(f"CREATE TRIGGER log_{table}_{event.lower()} AFTER {event} ON {table} BEGIN {insert}; END")


def _log_on_postgresql(table: str, inserts: Mapping[str, str]) -> None:
    op.execute(_function(table, inserts["INSERT"], inserts["UPDATE"]))
    op.execute(
        f"CREATE TRIGGER log_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION log_{table}()"
    )


def _function(table: str, come: str, gone: str) -> str:
    """The function of a table's triggers: what notes rows that came, and rows that are other now or gone."""
    return (
        f"CREATE OR REPLACE FUNCTION log_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'INSERT' THEN {come}; ELSE {gone}; END IF; RETURN NULL; END $$"
    )
