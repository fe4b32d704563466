"""`replay`: whether a day's stored result is what its raw records give."""

from dataclasses import asdict
from typing import Annotated

import typer

from reconciler.cli import failures, session
from reconciler.cli.options import AsJson, day


def replay(
    context: typer.Context,
    date: Annotated[str, typer.Option("--date", metavar="DAY", help="The day whose last run is recomputed.")],
    as_json: AsJson = False,
) -> None:
    """Recompute a day's result from stored raw records: identical bytes, or an error; changes nothing."""
    from jobs import replay as job
    from reconciler.cli import screen
    from reconciler.report.period import Period

    settings = session.of(context).settings()
    period = Period(day("--date", date), session.zone_of(settings))
    if period.start > session.now():
        raise failures.WrongUsage(f"--date {date} is in the future: nothing was concluded yet")
    with session.store(settings) as engine, screen.progress("reading raw records again") as notify:
        done = job.replay(settings, engine, period, notify)
    if as_json:
        screen.emit({**asdict(done), "run_id": None if done.run_id is None else str(done.run_id)})
    elif done.outcome == job.IDENTICAL:
        screen.show(f"{date}: identical. Run {done.run_id} of {done.at}, {done.records:,} raw records read again.")
        screen.show(f"SHA-256 of the result: {done.digest}")
    if done.outcome != job.IDENTICAL:
        what = "cannot be recomputed" if done.outcome == job.REFUSED else "is not what its raw records give"
        screen.warn(f"the result of {date} {what}: {done.reason}")
        raise typer.Exit(failures.UNRELIABLE)
