"""`erase`: removes a buyer's personal data, while sums, findings and the audit stay as they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson

if TYPE_CHECKING:
    from reconciler.settings import Settings
    from reconciler.store.erasure import Erased


def erase(
    context: typer.Context,
    email: Annotated[str, typer.Option(metavar="E", help="The buyer's e-mail address.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be erased, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also while a chargeback of the buyer is open.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a buyer's personal data for good: a pseudonym takes its place, and sums, findings and audit stay true."""
    from reconciler.cli import screen
    from reconciler.store import evidence_files

    settings = session.of(context).settings()
    if not (dry_run or yes):
        typer.confirm("This cannot be taken back. Erase the buyer's personal data?", abort=True, err=True)
    done = _erase(settings, email.strip(), dry_run=dry_run, force=force)
    if not dry_run:
        for name in done.files:
            (evidence_files.directory(settings) / name).unlink(missing_ok=True)
    reports = _reports(settings, email.strip())
    if as_json:
        screen.emit(
            {"dry_run": dry_run, "pseudonym": done.pseudonym if done.rows else None, "rows": done.rows}
            | {"left": done.left, "files": len(done.files), "reports": [str(path) for path in reports]}
        )
        return
    would = "would be " if dry_run else ""
    screen.show(*(f"{name}: {count:,} rows {would}erased" for name, count in done.rows.items()))
    if not done.rows:
        screen.show("Nothing is on record about this address.")
    screen.show(
        *(f"{name}: {count:,} rows keep it, as an id or in a command on its way" for name, count in done.left.items())
    )
    screen.show(*(screen.text(f"{path} still shows the address: remove it, or write it again") for path in reports))


def _erase(settings: "Settings", email: str, *, dry_run: bool, force: bool) -> "Erased":
    from reconciler.errors import BadRecord
    from reconciler.store import audit, erasure
    from reconciler.store.engine import write
    from reconciler.store.lease import held

    with session.store(settings) as engine, held(engine) as lease, write(engine, keep=not dry_run) as connection:
        disputed = [] if force else erasure.open_disputes(connection, email)
        if disputed:
            raise WrongUsage(
                f"a chargeback of {disputed[0]} is open and its evidence would be gone: wait for its end, or --force"
            )
        try:
            done = erasure.erase(connection, email, audit.OPERATOR, session.now())
        except BadRecord as error:
            raise WrongUsage(f"--email: {error}") from None
        lease.guard(connection)
    return done


def _reports(settings: "Settings", email: str) -> list[Path]:
    """Written reports that show the address, as far as they are text; they are the operator's own files."""
    folder, wanted = Path(settings.report.directory), email.casefold()
    files = [path for path in sorted(folder.glob("*")) if path.suffix in {".html", ".json", ".csv", ".md"}]
    return [path for path in files if wanted in path.read_text(encoding="utf-8", errors="replace").casefold()]
