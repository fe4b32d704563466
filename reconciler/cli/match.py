"""`match`: reconciles two files by themselves, without a database and without a configuration."""

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson

if TYPE_CHECKING:
    from reconciler.matching.terms import Terms


def match(
    context: typer.Context,
    charges: Annotated[Path, typer.Option(metavar="FILE", help="Charges and reversals: CSV or Parquet.")],
    orders: Annotated[Path, typer.Option(metavar="FILE", help="The shop's orders: CSV or Parquet.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the results go.")],
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="What counts as now, with its zone; else the files' latest time.")
    ] = None,
    memory_limit: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory for the data, such as 1GB; the rest goes to disk.")
    ] = "1GB",
    as_json: AsJson = False,
) -> None:
    """Reconcile two files: matches, findings and the books, the same bytes for the same rows in any order."""
    from reconciler import log
    from reconciler.cli import screen
    from reconciler.files.match import match_files

    moment, terms = _moment(as_of), _terms(context)
    log.set_up(log.Redactor(), logging.DEBUG if session.of(context).debug else logging.WARNING)
    with screen.progress("reconciling two files") as notify:
        summary = match_files(charges, orders, out, terms, as_of=moment, memory_limit=memory_limit, notify=notify)
    if as_json:
        screen.emit(summary)
        return
    tied, found = sum(summary["matches"].values()), sum(row["count"] for row in summary["findings"].values())
    closing = "the books close" if summary["closes"] else "the books DO NOT close"
    screen.show(f"{tied:,} charges matched, {found:,} findings; {closing}. Results: {out}")


def _terms(context: typer.Context) -> "Terms":
    """The policy's numbers of the configuration, where there is one; else the defaults."""
    from reconciler import config
    from reconciler.policy import terms

    chosen = session.of(context).config
    return terms(config.load(chosen, os.environ, required=False, only=("policy", "currency")))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise WrongUsage(f"--as-of {text!r} is no time with a zone, such as 2026-11-22T10:00:00Z")
    return moment
