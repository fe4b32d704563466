"""`cases decide`: an operator's word about one or more cases, with all that follows from it."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from reconciler.cli import failures, session
from reconciler.cli.cases import By, answer
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, filled, one_of

if TYPE_CHECKING:
    from reconciler.cases.model import Action
    from reconciler.settings import Settings
    from reconciler.store.acts import Wanted

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
    from reconciler.store.acts import Wanted

    one_of("--action", action, _ACTIONS)
    who, why = filled("--by", by), filled("--note", note)
    wanted = Wanted(cast("Action", action), who, why, amount, charge, seen)
    settings = session.of(context).settings()
    done, refused = [], []
    for id_ in dict.fromkeys(case.strip() for case in cases):
        try:
            done.append(_decide(settings, id_, wanted, dry_run=dry_run))
        except WrongUsage as error:
            if len(cases) == 1:
                raise
            refused.append({"id": id_, "why": str(error)})
    if as_json:
        screen.emit({"dry_run": dry_run, "decided": done, "refused": refused})
    else:
        screen.show(*case_text.decided(done, refused, dry_run=dry_run))
    raise typer.Exit(failures.WRONG_USAGE if refused else failures.DONE)


def _decide(settings: "Settings", case: str, wanted: "Wanted", *, dry_run: bool) -> dict[str, Any]:
    """One decision in a transaction of its own; returns what follows from it."""
    from reconciler.store import acts
    from reconciler.store.engine import write

    with session.store(settings) as engine, write(engine, keep=not dry_run) as connection:
        done: dict[str, Any] = answer(lambda: acts.decide(connection, settings, case, wanted, session.now()))
        return done
