"""`findings`, `explain` and `report`: what was found, why, and what a day looked like."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from reconciler.cli import failures, session
from reconciler.cli.options import AsJson, FailOnFindings, day, moment, one_of

if TYPE_CHECKING:
    from reconciler.report.document import Document
    from reconciler.report.period import Period
    from reconciler.settings import Settings

STATUSES = ("open", "resolved", "dismissed")


def findings(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only this kind.")] = None,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only open, resolved or dismissed ones.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only those seen since: a date or a time.")] = None,
    fail_on_findings: FailOnFindings = False,
    as_json: AsJson = False,
) -> None:
    """List findings, oldest first: all kinds and statuses unless told otherwise."""
    from reconciler.cli import screen, tables
    from reconciler.cli.work import alarming
    from reconciler.findings import public
    from reconciler.report.texts import KINDS
    from reconciler.store.engine import read
    from reconciler.store.findings import list_findings

    one_of("--kind", kind, KINDS)
    one_of("--status", status, STATUSES)
    settings = session.of(context).settings()
    start = moment("--since", since, session.zone_of(settings))
    with session.store(settings) as engine, read(engine) as connection:
        rows = [public(row) for row in list_findings(connection, kind=kind, status=status, since=start)]
    if as_json:
        screen.emit(rows)
    else:
        screen.show(*tables.findings(rows), ("\n" if rows else "") + tables.count_line(rows))
    raise typer.Exit(failures.FOUND if fail_on_findings and alarming(rows) else failures.DONE)


def explain(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The finding's id, or enough of its beginning.")],
    as_json: AsJson = False,
) -> None:
    """One finding in full: what differs, the rule, the policy clause, the evidence, the history."""
    from reconciler.cli import explained, screen
    from reconciler.cli.cases import answer
    from reconciler.store.engine import read
    from reconciler.store.stories import gather

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        story = answer(lambda: gather(connection, id_.strip()))
    if as_json:
        screen.emit(story)
    else:
        screen.show(*explained.text_of(story, session.zone_of(settings)))


def report(
    context: typer.Context,
    date: Annotated[str | None, typer.Option("--date", metavar="DAY", help="The day; default: today.")] = None,
    format_: Annotated[str, typer.Option("--format", metavar="F", help="html, xlsx, csv, md or json.")] = "html",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; default: stdout.")] = None,
    language: Annotated[
        str | None, typer.Option(metavar="L", help="en or ru; default: the first of [report] languages.")
    ] = None,
    period: Annotated[
        str, typer.Option(metavar="P", help="day, or the week or month that the day belongs to.")
    ] = "day",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Make a day's report again from what is stored; the same facts give the same bytes."""
    from jobs.daily_report import write_whole
    from reconciler.report import FORMATS
    from reconciler.words import LANGUAGES

    name = "json" if as_json else format_
    one_of("--format", name, tuple(form.name for form in FORMATS))
    one_of("--language", language, LANGUAGES)
    form = next(form for form in FORMATS if form.name == name)
    settings = session.of(context).settings()
    content = form.render(_document(settings, date, period), language or settings.report.languages[0])
    if out is not None:
        write_whole(out, content)
    elif name == "xlsx" and sys.stdout.isatty():
        raise failures.WrongUsage("a workbook is no text for a terminal: name a file with --out")
    else:
        sys.stdout.buffer.write(content)


def _document(settings: "Settings", date: str | None, length: str) -> "Document":
    from reconciler.store.reports import report_of

    wanted = _period(settings, date, length)
    with session.store(settings) as engine:
        document = report_of(engine, settings, wanted, session.now())
    if document is None:
        raise failures.WrongUsage(f"there is no report for {wanted.name}: no run had finished by its end")
    return document


def _period(settings: "Settings", date: str | None, length: str) -> "Period":
    from reconciler.report.period import LENGTHS, around, today

    one_of("--period", length, LENGTHS)
    current = today(session.now(), session.zone_of(settings))
    wanted = current.first if date is None else day("--date", date)
    if wanted > current.first:
        raise failures.WrongUsage(f"--date {date} is in the future: its report is made when the day has come")
    return around(wanted, current.zone, next(one for one in LENGTHS if one == length))


def quarantine_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the records that could not be understood, and why."""
    from reconciler.cli import screen
    from reconciler.store import queries
    from reconciler.store.engine import read

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        rows = queries.quarantine(connection)
    if as_json:
        screen.emit(rows)
    else:
        _print_quarantine(rows, session.zone_of(settings))


def _print_quarantine(rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    from reconciler.cli import screen, tables
    from reconciler.report import shown

    if not rows:
        screen.show("Every record was understood; nothing is in quarantine.")
        return
    table = tables.plain_table("Since", "Source", "Record", "Reason")
    for row in rows:
        since = shown.time(row["first_seen_at"], zone)
        table.add_row(since, *(screen.text(row[name]) for name in ("source", "key", "reason")))
    screen.show(table, "\nThe rest of each page went on. `reconciler quarantine retry` reads these again.")
