"""`outbox list`, `outbox retry` and `audit verify`: what left the program, what waits, and the record of all of it."""

from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from reconciler.cli import failures, session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, one_of

if TYPE_CHECKING:
    import sqlalchemy as sa


def outbox_list(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="todo, sent or held.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is to be delivered to the shop and what was, with each attempt; held entries wait for you."""
    from reconciler.cli import screen
    from reconciler.outbox import STATES
    from reconciler.store.engine import read

    one_of("--state", state, STATES)
    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        rows = _entries(connection, state)
    if as_json:
        screen.emit(rows)
    else:
        _print(rows, session.zone_of(settings))


def outbox_retry(
    context: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Which held entries; default: all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver held entries again, under the id and with the body that they have."""
    from reconciler.cli import screen

    settings = session.of(context).settings()
    with session.store(settings) as engine:
        again, overtaken = _retry(engine, keys)
    if as_json:
        screen.emit({"retried": again, "overtaken": overtaken})
        return
    screen.show(f"{len(again):,} will be delivered by the daemon, or with the next run.")
    for key in overtaken:
        screen.show(
            screen.text(f"{key} stays held: a newer command about its account was sent since, and would be undone.")
        )


def _retry(engine: "sa.Engine", keys: list[str] | None) -> tuple[list[str], list[str]]:
    from reconciler.store import audit, outbox
    from reconciler.store.engine import write

    now = session.now()
    with write(engine) as connection:
        again, overtaken = outbox.retry(connection, keys or None, now)
        unknown = sorted(set(keys or ()) - {*again, *overtaken})
        if unknown:
            raise WrongUsage(f"{unknown[0]} is not held: `reconciler outbox list --state held` shows what is")
        for key in again:
            audit.record(connection, "outbox.retried", key, audit.OPERATOR, now, {})
    return again, overtaken


def audit_verify(
    context: typer.Context,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="A head that `reconciler status` showed once: it must be there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the audit chain from its first record; names the first broken one, and ends with 2 then."""
    from reconciler.cli import screen
    from reconciler.store import audit
    from reconciler.store.engine import read

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        broken, last = audit.verify(connection, head and head.strip().lower()), audit.head(connection)
    known = {"records": last.number if last else 0, "head": last.hash if last else None}
    if as_json:
        screen.emit({**known, "broken": broken and {"number": broken.number, "reason": broken.reason}})
    elif broken is None:
        screen.show(f"{known['records']:,} records, and every one follows from those before it.")
        screen.show(f"Head: {known['head']}. Keep it elsewhere: with --head it shows a tail that was cut off.")
    if broken is not None:
        advice = "somebody changed the database by hand; compare it with a backup"
        screen.warn(f"audit record {broken.number} is broken: {broken.reason}; {advice}")
        raise typer.Exit(failures.UNRELIABLE)


def _entries(connection: "sa.Connection", state: Any) -> list[dict[str, Any]]:
    from reconciler.outbox import COMMAND, STATES
    from reconciler.store import outbox

    rows = outbox.entries(connection, channels=[COMMAND], states=[state] if state else STATES)
    return [_entry(row) for row in rows]


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    import json

    from reconciler.findings import iso

    waits = row["state"] == "todo"
    return {
        "key": row["key"],
        "channel": row["channel"],
        "state": row["state"],
        "body": json.loads(row["body"]),
        "created_at": iso(row["created_at"]),
        "due_at": iso(row["due_at"]) if waits else None,
        "finished_at": iso(row["finished_at"]),
        "note": row["note"],
        "attempts": [_attempt(one) for one in row["attempts"]],
    }


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    from reconciler.findings import iso

    return {
        "number": row["epoch"],
        "started_at": iso(row["started_at"]),
        "finished_at": iso(row["finished_at"]),
        "outcome": row["outcome"],
        "note": row["note"],
    }


def _print(rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    from reconciler.cli import screen, tables
    from reconciler.report import shown

    if not rows:
        screen.show("Nothing is there to show.")
        return
    table = tables.plain_table("Key", "Made", "State", "What", "Tries", "Last said")
    table.columns[0].no_wrap = True  # to be copied
    for row in rows:
        style = {"held": "bold red", "todo": "yellow"}.get(row["state"], "green")
        made = shown.time(row["created_at"], zone)
        table.add_row(
            screen.text(row["key"]),
            made,
            screen.text(row["state"], style),
            screen.text(_what(row)),
            str(len(row["attempts"])),
            screen.text(row["note"]),
        )
    screen.show(table)
    if any(row["state"] == "held" for row in rows):
        screen.show("\nHeld entries are not tried any more. Mend the cause, then `reconciler outbox retry`.")


def _what(row: dict[str, Any]) -> str:
    return f"{row['body']['type']} {row['body']['data']['account_id']}"
