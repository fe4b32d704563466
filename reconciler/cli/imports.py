"""`import`: brings in what a provider or the shop cannot be asked for any more, from a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import session
from reconciler.cli.options import AsJson, one_of

if TYPE_CHECKING:
    from jobs.imports import Result
    from providers.imports.base import Fact, Importer


def import_file(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="digiseller, tribute, orders or chargebacks.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX or JSON.")],
    encoding: Annotated[
        str | None, typer.Option(metavar="E", help="Of a text file, such as cp1251; else it is found out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be stored, and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a file by the column mapping under \\[import] in the configuration; a second time changes nothing."""
    from jobs.imports import Import
    from reconciler.cli import screen

    importer = _importer(what)
    settings = session.of(context).settings()
    mapping: dict[str, str] = getattr(settings.imports, importer.name)
    with session.store(settings) as engine, screen.progress(f"reading {file}") as notify:
        result = Import(engine, importer, mapping, dry_run, notify).run(file, encoding)
    if as_json:
        screen.emit(_document(result, dry_run=dry_run))
    else:
        _print(result, dry_run=dry_run)
    if result.rejected:
        screen.warn(_rejections(result))


def _importer(name: str) -> "Importer":
    from providers.imports import IMPORTERS

    known = {importer.name: importer for importer in IMPORTERS}
    one_of("WHAT", name, known)
    return known[name]


def _document(result: "Result", *, dry_run: bool) -> dict[str, Any]:
    from reconciler.findings import iso

    span = result.span
    return {
        "dry_run": dry_run,
        "rows": result.rows,
        "stored": result.stored,
        "known": result.known,
        "rejected": result.rejected,
        "since": iso(span.since) if span else None,
        "until": iso(span.until) if span else None,
        "first_facts": [_fact(fact) for fact in result.facts],
        "first_rejected": [{"row": row, "reason": reason} for row, reason in result.reasons],
        "rejected_file": str(result.rejected_file) if result.rejected_file else None,
        "gaps_closed": result.gaps_closed,
    }


def _print(result: "Result", *, dry_run: bool) -> None:
    from reconciler.cli import screen

    would = "would be " if dry_run else ""
    screen.show(
        f"{result.rows:,} rows: {result.stored:,} {would}stored, {result.known:,} known before, "
        f"{result.rejected:,} {would}rejected."
    )
    if dry_run:
        screen.show(*(screen.text(f"  {_sentence(_fact(fact))}") for fact in result.facts))
        screen.show(*(screen.text(f"  row {row}: {reason}") for row, reason in result.reasons))
    elif result.stored:
        screen.show("The next run takes it into account.")
    if result.gaps_closed:
        screen.show(f"{result.gaps_closed:,} gaps in the reception of webhooks are closed by it.")


def _fact(fact: "Fact") -> dict[str, Any]:
    from providers.imports.base import sum_of
    from reconciler.findings import iso
    from reconciler.model import Order
    from reconciler.money import format_minor
    from reconciler.store.disputes import NewDispute

    paid = sum_of(fact)
    money = {"amount": format_minor(paid.minor, paid.currency), "currency": paid.currency}
    if isinstance(fact, NewDispute):
        at = iso(fact.reached_at or fact.opened_at)
        return {"kind": "chargeback", "ref": fact.ref, **money, "status": fact.stage, "at": at}
    if isinstance(fact, Order):
        return {"kind": "order", "ref": fact.order_id, **money, "status": fact.status, "at": iso(fact.created_at)}
    at = iso(fact.occurred_at)
    return {"kind": str(fact.kind), "ref": fact.ref, **money, "status": str(fact.status), "at": at}


def _sentence(fact: dict[str, Any]) -> str:
    return f"{fact['kind']} {fact['ref']}: {fact['amount']} {fact['currency']}, {fact['status']}, {fact['at']}"


def _rejections(result: "Result") -> str:
    row, reason = result.reasons[0]
    more = f" (and {result.rejected - 1:,} more)" if result.rejected > 1 else ""
    line = f"row {row} was rejected: {reason}{more}"
    if result.rejected_file is None:
        return line
    return f"{line}; all of them are in {result.rejected_file}: correct them there and import that file"
