"""`alerts list`, `acknowledge`, `retry` and `test`: what people were told, and the ways to tell them."""

from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from reconciler.cli import failures, session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, filled, one_of

if TYPE_CHECKING:
    from reconciler.settings import Settings

_STATES = ("open", "acknowledged", "resolved")


def alerts_list(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="open, acknowledged or resolved.")] = None,
    reports: Annotated[bool, typer.Option("--reports", help="List the reports that were sent instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List alerts with their state, and what became of each message; or the reports that were sent."""
    from reconciler.cli import screen
    from reconciler.store.alert_views import list_alerts
    from reconciler.store.engine import read
    from reconciler.store.outbox_views import sent_reports

    one_of("--state", state, _STATES)
    if reports and state:
        raise WrongUsage("--state is for alerts: leave it out with --reports")
    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        rows = sent_reports(connection) if reports else list_alerts(connection, [state] if state else [])
    if as_json:
        screen.emit(rows)
    else:
        (_print_reports if reports else _print)(rows, session.zone_of(settings))


def alerts_retry(
    context: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Which messages; default: all that wait or are held.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver messages again that failed or are held, now instead of later."""
    from reconciler.cli import screen

    settings = session.of(context).settings()
    again = _retry(settings, keys)
    if as_json:
        screen.emit({"retried": again})
    else:
        screen.show(f"{len(again):,} will be delivered by the daemon, or with the next run.")


def alerts_acknowledge(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ALERT...", help="The alerts' ids.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who has seen to it.")],
    as_json: AsJson = False,
) -> None:
    """Say that somebody has seen to alerts, where there is no button to press: they are repeated no more."""
    from reconciler.cli import screen
    from reconciler.store import alerts
    from reconciler.store.alert_views import ids_like
    from reconciler.store.engine import write

    who, now = filled("--by", by), session.now()
    with session.store(session.of(context).settings()) as engine, write(engine) as connection:
        found = ids_like(connection, ids)
        missing = sorted(set(ids) - set(found))
        if missing:
            raise WrongUsage(f"no open alert has the id {missing[0]}: see `reconciler alerts list --state open`")
        alerts.acknowledge(connection, found.values(), who, who, now)
    if as_json:
        screen.emit({"acknowledged": sorted(found.values())})
    else:
        screen.show(f"{len(found):,} acknowledged.")


def alerts_test(context: typer.Context, as_json: AsJson = False) -> None:
    """Send a test message to every address of the configuration; ends with 2 when one does not take it."""
    from dataclasses import asdict

    from jobs.alert_checks import try_all
    from reconciler.cli import screen

    settings = session.of(context).settings()
    tried = []
    with screen.progress("sending"):
        for one in try_all(settings):
            tried.append(asdict(one))
            if not as_json:
                screen.show(screen.text(f"{'ok' if one.ok else 'failed':<8} {one.address}: {one.note}"))
    if as_json:
        screen.emit({"ok": bool(tried) and all(one["ok"] for one in tried), "addresses": tried})
    failed = [one["address"] for one in tried if not one["ok"]]
    if failed or not tried:
        why = f"a test message did not reach {', '.join(failed)}" if failed else "no address is configured"
        screen.warn(f"{why}: see [alerts] in the configuration, and `reconciler doctor`")
        raise typer.Exit(failures.UNRELIABLE)


def _retry(settings: "Settings", keys: list[str] | None) -> list[str]:
    from reconciler.alerts.addresses import every
    from reconciler.store import audit, outbox
    from reconciler.store.engine import write

    now = session.now()
    addresses = [one.key for one in every(settings)]
    with session.store(settings) as engine, write(engine) as connection:
        again = outbox.hasten(connection, addresses, keys or None, now)
        unknown = sorted(set(keys or ()) - set(again))
        if unknown:
            raise WrongUsage(f"{unknown[0]} neither failed nor is held: `reconciler alerts list` shows what is")
        for key in again:
            audit.record(connection, "alert.retried", key, audit.OPERATOR, now, {})
    return again


def _print(rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    from reconciler.cli import screen, tables
    from reconciler.report import shown

    if not rows:
        screen.show("Nobody was alerted of anything yet.")
        return
    table = tables.plain_table("Alert", "Opened", "State", "What", "At stake", "Messages")
    table.columns[0].no_wrap = True
    for row in rows:
        style = {"open": "bold red", "acknowledged": "yellow"}.get(row["state"], "green")
        table.add_row(
            screen.text(row["id"]),
            shown.time(row["opened_at"], zone),
            screen.text(row["state"], style if row["severity"] != "info" else ""),
            screen.text(row["title"]),
            shown.sums(row["at_stake"]),
            screen.text("; ".join(_message(one, zone) for one in row["messages"]) or "none"),
        )
    screen.show(table)
    if any(one["state"] == "held" for row in rows for one in row["messages"]):
        screen.show("\nHeld messages are not tried any more. Mend the cause, then `reconciler alerts retry`.")


def _print_reports(rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    from reconciler.cli import screen, tables
    from reconciler.report import shown

    if not rows:
        screen.show("No report was sent yet: see [report] send in the configuration.")
        return
    table = tables.plain_table("Report", "Address", "State", "Since", "Tries", "Last said")
    for row in rows:
        style = {"held": "bold red", "todo": "yellow"}.get(row["state"], "green")
        since = shown.time(row["finished_at"] or row["created_at"], zone)
        cells = (screen.text(row["report"]), screen.text(row["address"]), screen.text(row["state"], style), since)
        table.add_row(*cells, str(row["attempts"]), screen.text(row["note"] or ""))
    screen.show(table)
    if any(row["state"] != "sent" for row in rows):
        screen.show("\nTo try again now: `reconciler alerts retry`, or with the report's key from `--json`.")


def _message(one: dict[str, Any], zone: ZoneInfo) -> str:
    from reconciler.report import shown

    waits = f" until {shown.time(one['due_at'], zone)}" if one["due_at"] else ""
    return f"{one['address']}: {one['state']}{waits}" + (
        f" ({one['note']})" if one["state"] != "sent" and one["note"] else ""
    )
