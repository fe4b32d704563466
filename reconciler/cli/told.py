"""`outbox list`, `outbox retry` and `audit verify`: what left the program, what waits, and the record of all of it."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from reconciler.cli import failures, session
from reconciler.cli.cases import answer
from reconciler.cli.options import AsJson, one_of


def outbox_list(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="todo, sent or held.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is to be delivered to the shop and what was, with each attempt; held entries wait for you."""
    from reconciler.cli import screen
    from reconciler.outbox import COMMAND, STATES
    from reconciler.store.engine import read
    from reconciler.store.outbox_views import documents

    one_of("--state", state, STATES)
    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        rows = documents(connection, channels=[COMMAND], states=[one for one in STATES if state in {None, one}])
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
    from reconciler.store import audit
    from reconciler.store.engine import write
    from reconciler.store.outbox_views import retry_held

    settings = session.of(context).settings()
    with session.store(settings) as engine, write(engine) as connection:
        again, overtaken = answer(lambda: retry_held(connection, keys, audit.OPERATOR, session.now()))
    if as_json:
        screen.emit({"retried": again, "overtaken": overtaken})
        return
    screen.show(f"{len(again):,} will be delivered by the daemon, or with the next run.")
    for key in overtaken:
        screen.show(
            screen.text(f"{key} stays held: a newer command about its account was sent since, and would be undone.")
        )


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
        known = audit.chain(connection, head and head.strip().lower())
    broken = known["broken"]
    if as_json:
        screen.emit(known)
    elif broken is None:
        screen.show(f"{known['records']:,} records, and every one follows from those before it.")
        screen.show(f"Head: {known['head']}. Keep it elsewhere: with --head it shows a tail that was cut off.")
    if broken is not None:
        advice = "somebody changed the database by hand; compare it with a backup"
        screen.warn(f"audit record {broken['number']} is broken: {broken['reason']}; {advice}")
        raise typer.Exit(failures.UNRELIABLE)


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
