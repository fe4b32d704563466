"""`cases decide`: an operator's word about one or more cases, with all that follows from it."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import failures, session
from reconciler.cli.cases import By
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, filled, one_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from reconciler.cases.model import Decision
    from reconciler.settings import Settings

_ACTIONS = ("refund", "decline", "deliver", "suspend", "forfeit", "ban", "reinstate", "dismiss")


def decide(
    context: typer.Context,
    cases: Annotated[list[str], typer.Argument(metavar="CASE...", help="The cases' ids; several: the same for each.")],
    action: Annotated[
        str,
        typer.Option(metavar="ACTION", help="refund, decline, deliver, suspend, forfeit, ban, reinstate or dismiss."),
    ],
    by: By,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")],
    amount: Annotated[str | None, typer.Option(metavar="AMOUNT", help="How much a refund gives back.")] = None,
    charge: Annotated[str | None, typer.Option(metavar="REF", help="Which charge, where there are several.")] = None,
    seen: Annotated[int | None, typer.Option(metavar="N", help="The case's version that you looked at.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would follow, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide one or more cases: a refund is bound to its charge, a command goes to the shop, a finding is dismissed."""
    from reconciler.cli import case_text, screen

    one_of("--action", action, _ACTIONS)
    wanted = {"action": action, "by": filled("--by", by), "note": filled("--note", note), "amount": amount}
    settings = session.of(context).settings()
    done, refused = [], []
    for id_ in dict.fromkeys(case.strip() for case in cases):
        try:
            done.append(_decide(settings, id_, {**wanted, "charge": charge, "seen": seen}, dry_run=dry_run))
        except WrongUsage as error:
            if len(cases) == 1:
                raise
            refused.append({"id": id_, "why": str(error)})
    if as_json:
        screen.emit({"dry_run": dry_run, "decided": done, "refused": refused})
    else:
        screen.show(*case_text.decided(done, refused, dry_run=dry_run))
    raise typer.Exit(failures.WRONG_USAGE if refused else failures.DONE)


def _decide(settings: "Settings", case: str, wanted: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """One decision in a transaction of its own; returns what follows from it."""
    from reconciler.cli.cases import answer
    from reconciler.store.case_views import case_document
    from reconciler.store.decisions import decide_case
    from reconciler.store.engine import write

    now = session.now()
    with session.store(settings) as engine, write(engine, keep=not dry_run) as connection:
        id_ = answer(lambda: _full(connection, case))
        decision = _decision(connection, settings, id_, wanted)
        done = answer(lambda: decide_case(connection, settings, id_, decision, seen_version=wanted["seen"]))
        said = case_document(connection, id_, now)
        return {
            "case": said,
            "refunds": [entry for one in done.outcome.entries for entry in one.after.get("refunds", ())],
            "dismissed_finding_ids": list(done.outcome.dismissed),
            "command": _body(connection, done.command_id),
        }


def _full(connection: "sa.Connection", case: str) -> str:
    from reconciler.store.case_views import find_case

    return find_case(connection, case)


def _decision(connection: "sa.Connection", settings: "Settings", id_: str, wanted: dict[str, Any]) -> "Decision":
    from reconciler.cases.model import Decision
    from reconciler.errors import BadRecord
    from reconciler.money import to_minor
    from reconciler.store.decisions import look

    now = session.now()
    minor = None
    if wanted["amount"] is not None:
        _, facts, _ = look(connection, settings, id_, now)
        currency = next((one.currency for one in facts.purchases if one.currency), None)
        try:
            minor = to_minor(wanted["amount"], currency or "")
        except BadRecord as error:
            raise WrongUsage(f"--amount: {error}; write it as in 12.50") from None
    return Decision(wanted["action"], wanted["by"], wanted["note"], now, amount_minor=minor, ref=wanted["charge"])


def _body(connection: "sa.Connection", command_id: str | None) -> Any:
    """The command exactly as the shop gets it."""
    import sqlalchemy as sa

    from reconciler.schema_told import outbox

    if command_id is None:
        return None
    body = connection.execute(sa.select(outbox.c.body).where(outbox.c.key == command_id)).scalar_one()
    return json.loads(body)
