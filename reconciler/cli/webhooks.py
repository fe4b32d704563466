"""`webhooks list|show|replay|send-test`: what the providers pushed, what became of it, and the way in tried out."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import failures, session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, one_of
from reconciler.errors import Retryable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import sqlalchemy as sa

    from providers.base import Receiver
    from reconciler.settings import Settings

Number = Annotated[str, typer.Argument(metavar="ID", help="The event's number in the list.")]


def list_events(
    context: typer.Context,
    provider: Annotated[str | None, typer.Option(metavar="PROVIDER", help="Only this provider's.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only events in this state, such as waiting or conflict.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="The newest N; 0: all.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List what came in, oldest first, each event once however often it was delivered."""
    from providers import NAMES
    from reconciler.cli import screen
    from reconciler.store import inbox
    from reconciler.store.engine import read
    from reconciler.store.inbox_views import document

    one_of("--provider", provider, NAMES)
    one_of("--state", state, inbox.STATES)
    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        rows = [
            document(row._mapping)
            for row in inbox.listed(connection, provider=provider, state=state, limit=limit or None)
        ]
    if as_json:
        screen.emit(rows)
    else:
        _print(rows, session.zone_of(settings))


def show(context: typer.Context, id_: Number, as_json: AsJson = False) -> None:
    """One event in full, less secrets and what is nobody's business."""
    from reconciler.cli import screen
    from reconciler.store.engine import read
    from reconciler.store.inbox_views import document

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        row = _one(connection, id_)
    whole = document(row._mapping) | {"headers": dict(json.loads(row.headers)), "body": _body(settings, row)}
    if as_json:
        screen.emit(whole)
        return
    for name, value in whole.items():
        said = json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict | list) else value
        screen.show(screen.text(f"{name}: {'' if said is None else said}"))


def replay(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Events by number; without any: all that went wrong.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Work through events again, with what is understood today; facts that are there already stay as they are."""
    from jobs.run import work_inbox
    from reconciler.cli import screen
    from reconciler.store import audit, inbox
    from reconciler.store.engine import read, write
    from reconciler.store.inbox_views import document

    settings = session.of(context).settings()
    with session.store(settings) as engine:
        with write(engine) as connection:
            chosen = [_one(connection, text).id for text in ids or ()] or inbox.numbers(connection, inbox.TROUBLED)
            left = len(set(chosen)) - inbox.again(connection, chosen, session.now())
            audit.record(
                connection,
                "webhook.replayed",
                ", ".join(map(str, chosen[:20])),
                "operator",
                session.now(),
                {"count": len(chosen)},
            )
        with screen.progress("reading the events again"):
            problems = work_inbox(settings, engine)
        with read(engine) as connection:
            rows = [document(row._mapping) for number in chosen if (row := inbox.one(connection, number)) is not None]
    if as_json:
        screen.emit({"events": rows, "problems": problems})
    else:
        _print(rows, session.zone_of(settings))
    if left:
        screen.warn(f"{left} of them stay as they are: [retention] raw_days has removed their content")
    if problems and any(row["state"] == inbox.LOOKING for row in rows):
        screen.warn(f"not every provider could be asked: {problems[0]}")
        raise typer.Exit(failures.UNRELIABLE)


def send_test(
    context: typer.Context,
    provider: Annotated[str, typer.Option(metavar="PROVIDER", help="Whose test event.")] = "tribute",
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where to; default: \\[web] public_url or host.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a signed test event to our own address, as the provider would, and print the answer."""
    from providers import NAMES
    from reconciler.cli import screen

    one_of("--provider", provider, NAMES)
    settings = session.of(context).settings()
    receiver = _receiver(settings, provider)
    address = url or f"{settings.web.public_url.rstrip('/') or _own(settings)}/webhooks/{provider}"
    status = _send(receiver, address)
    if as_json:
        screen.emit({"url": address, "status": status, "ok": status == 200})
    else:
        screen.show(screen.text(f"{address} answered {status}"))
    if status != 200:
        screen.warn(f"the test event was answered {status}: {_ADVICE.get(status, 'see the log of the daemon')}")
        raise typer.Exit(failures.UNRELIABLE)


_ADVICE = {
    401: "the daemon has another key than this configuration; restart it after a change",
    404: "the provider is not enabled where the daemon runs, or a proxy leads elsewhere",
    502: "the proxy does not reach the daemon: check [web] host and port, and that it runs",
    503: "the daemon cannot store: see its log",
}


def _send(receiver: "Receiver", address: str) -> int:
    from reconciler.http import post_once

    sample = receiver.sample()
    headers = {name.decode(): value.decode() for name, value in sample.headers}
    began_s = time.monotonic()
    try:
        return post_once(address, sample.body, headers, begin_by_s=began_s + 10, end_by_s=began_s + 15).status
    except Retryable as error:
        raise Retryable(f"{address}: {error}; is the daemon up, and does the way lead there?") from None


def _own(settings: "Settings") -> str:
    host = settings.web.host if settings.web.host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - compared only
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web.port}"


def _receiver(settings: "Settings", provider: str) -> "Receiver":
    from providers import build_receivers

    found = [one for one in build_receivers(settings) if one.name == provider]
    if not found:
        raise WrongUsage(f"--provider {provider} is not enabled: nothing of it is taken in")
    return found[0]


def _one(connection: "sa.Connection", text: str) -> Any:
    from reconciler.store import inbox

    row = inbox.one(connection, int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
    if row is None:
        raise WrongUsage(f"there is no event {text!r}: `reconciler webhooks list` shows them all")
    return row


def _body(settings: "Settings", row: Any) -> Any:
    from reconciler.webhooks import Delivery, shown_or_note

    shown = shown_or_note(_receiver(settings, row.provider).shown, Delivery(row.method, row.query, (), row.body))
    return json.loads(json.dumps(shown, default=str))


def _print(rows: list[dict[str, Any]], zone: "ZoneInfo") -> None:
    from reconciler.cli import screen, tables
    from reconciler.report import shown

    if not rows:
        screen.show("No webhook.")
        return
    table = tables.plain_table("Id", "Received", "Provider", "Event", "About", "State", "What became of it")
    for row in rows:
        late = " (late)" if row["late"] else ""
        cells = (row["provider"], row["name"] + late, row["ref"] or "", row["state"], row["result"])
        table.add_row(row["id"], shown.time(row["received_at"], zone), *(screen.text(cell) for cell in cells))
    screen.show(table)
