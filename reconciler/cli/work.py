"""`run`, `daemon` and `demo`: the commands that do the work."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import failures, session
from reconciler.cli.options import AsJson, FailOnFindings, moment, one_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from jobs.run import RunOptions, RunResult
    from reconciler.settings import Settings
    from reconciler.timing import Timer


def run(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Pull from here on: a date or a time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Pull up to here; a date is included.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge, but store no result and write no report.")] = False,
    only: Annotated[str | None, typer.Option(metavar="PROVIDER", help="Pull this provider alone.")] = None,
    fail_on_findings: FailOnFindings = False,
    as_json: AsJson = False,
) -> None:
    """Reconcile once: pull, match, judge, report. Prints the statement and the findings."""
    from reconciler.cli import screen

    settings = session.of(context).settings()
    options = _options(settings, since, until, dry_run, only)
    with session.store(settings) as engine, _timed(wanted=session.of(context).debug) as watched:
        missed = "" if dry_run else _finish_reports(settings, engine)
        result = _run(settings, engine, options, watched)
        paths, trouble = ({}, "") if dry_run else _write_report(settings, engine)
        trouble = trouble or missed
    if as_json:
        screen.emit(_document(result, paths, trouble))
    else:
        _print(result, paths, dry_run=dry_run)
    raise typer.Exit(_code(result, trouble, fail_on_findings=fail_on_findings))


def daemon(context: typer.Context) -> None:
    """Do what `run` does, on schedule, until told to stop (SIGTERM or Ctrl-C)."""
    settings = session.of(context).settings(logging.INFO)
    with session.store(settings) as engine:
        from jobs.daemon import serve

        serve(settings, engine)


def demo(
    days: Annotated[int, typer.Option(metavar="N", help="Days of made-up history.")] = 30,
    charges: Annotated[int, typer.Option(metavar="N", help="Number of made-up charges.")] = 1000,
    serve: Annotated[bool, typer.Option("--serve", help="Leave the daemon running afterwards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try it without a shop: simulated providers, a made-up shop, planted faults against found ones."""
    from reconciler.cli.demo import run_demo

    raise typer.Exit(run_demo(days, charges, serve, as_json))


def _options(
    settings: "Settings", since: str | None, until: str | None, dry_run: bool, only: str | None
) -> "RunOptions":
    from jobs.run import RunOptions
    from providers import NAMES

    zone = session.zone_of(settings)
    start = moment("--since", since, zone)
    end = moment("--until", until, zone, end_of_day=True)
    if start and end and start >= end:
        raise failures.WrongUsage(f"--since {since} is not before --until {until}: nothing lies between them")
    if start and start > session.now():
        raise failures.WrongUsage(f"--since {since} is in the future: nothing has happened there yet")
    return RunOptions(since=start, until=end, dry_run=dry_run, only=one_of("--only", only, NAMES))


@contextmanager
def _timed(*, wanted: bool) -> Iterator["Timer"]:
    """Measure the steps of the block; at its end, however it ends, they are shown on stderr where that is wanted."""
    from reconciler.cli import screen, tables
    from reconciler.timing import Timer, timed

    timer = Timer()
    try:
        with timed(timer):
            yield timer
    finally:
        if wanted:
            screen.beside(tables.timing(timer))


def _run(settings: "Settings", engine: "sa.Engine", options: "RunOptions", timer: "Timer") -> "RunResult":
    from jobs.heartbeat import beating
    from jobs.run import run_once
    from reconciler.cli import screen

    with screen.progress("starting") as notify, _stoppable():
        if sys.stderr.isatty():
            timer.watch = notify
        if options.dry_run:
            return run_once(settings, engine, options, notify)
        with beating(settings, "run") as say:
            result = run_once(settings, engine, options, notify)
            say(result.good)
            return result


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends the process at once: threads that wait for a provider would hold it up for minutes otherwise.

    Nothing is lost by it, since every page is stored in a transaction of its own.
    """

    def stop(_number: int, _frame: object) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\x1b[?25h\n")  # the progress line had hidden the cursor
            sys.stderr.flush()
        os._exit(failures.INTERRUPTED)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _finish_reports(settings: "Settings", engine: "sa.Engine") -> str:
    """Write and queue the reports of days that are over, before the run that delivers them; says what went wrong."""
    from jobs.send_reports import finish_reports, is_time

    try:
        if is_time(settings, session.now()):
            finish_reports(settings, engine, session.now())
    except OSError as error:
        return _not_written(error)
    return ""


def _write_report(settings: "Settings", engine: "sa.Engine") -> tuple[dict[str, Path], str]:
    """The report's files, and what went wrong; a full disk does not take the printed result away."""
    from jobs.daily_report import write_daily_report
    from reconciler.timing import step

    try:
        with step("report"):
            return write_daily_report(settings, engine, session.now()), ""
    except OSError as error:
        return {}, _not_written(error)


def _not_written(error: OSError) -> str:
    return f"the report was not written: {failures.line(error)}; see [report] directory"


def _document(result: "RunResult", paths: dict[str, Path], trouble: str) -> dict[str, Any]:
    return {
        "verdict": result.verdict,
        "run_id": None if result.run_id is None else str(result.run_id),
        "statement": result.statement,
        "findings": result.findings,
        "report": {name: str(paths[name]) if name in paths else None for name in ("html", "json")},
        "problems": [*result.problems, *([trouble] if trouble else [])],
        "delivered": asdict(result.delivered),
    }


def _print(result: "RunResult", paths: dict[str, Path], *, dry_run: bool) -> None:
    from reconciler.cli import screen, tables

    still_open = [row for row in result.findings if row["status"] == "open"]
    screen.show(*tables.statement(result.statement))
    screen.show(*tables.verdict(result.statement))
    new = [*result.changes.opened, *result.changes.reopened]
    screen.show(*tables.findings(still_open, new=new, limit=tables.SHOWN))
    if dry_run:
        screen.show("\nA dry run: nothing of this result was stored.")
    done = result.delivered
    if done.sent or done.failed or done.held:
        screen.show(f"\nCommands: {done.sent:,} sent, {done.failed:,} to be tried again, {done.held:,} held.")
    if "html" in paths:
        screen.show(f"\nReport: {paths['html']}")


def _code(result: "RunResult", trouble: str, *, fail_on_findings: bool) -> int:
    """The exit code, with one line on stderr where the result cannot be relied on."""
    from reconciler.cli import screen

    if result.verdict in {"incomplete", "does_not_close"} or trouble:
        screen.warn(_reason(result, trouble))
        return failures.UNRELIABLE
    return failures.FOUND if fail_on_findings and alarming(result.findings) else failures.DONE


def alarming(findings: Sequence[dict[str, Any]]) -> bool:
    """Whether a finding of severity warning or above is open."""
    return any(row["status"] == "open" and row["severity"] != "info" for row in findings)


def _reason(result: "RunResult", trouble: str) -> str:
    if result.verdict == "does_not_close":
        broken = next(books for books in result.statement["providers"] if not books["closes"])
        where = f"{broken['provider']} {broken['currency']}"
        return f"the totals of {where} do not close: {broken['broken'][0]}; do not rely on them, and report it"
    problems = [*result.problems, *([trouble] if trouble else [])]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{result.verdict}: {problems[0] if problems else 'a feed is not complete'}{more}"
