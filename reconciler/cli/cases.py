"""`cases`: the queue of what an operator has to decide, and what an operator does with it."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, filled, moment, one_of

if TYPE_CHECKING:
    from reconciler.cases.model import Case
    from reconciler.cases.states import Moved

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it.")]
CaseId = Annotated[str, typer.Argument(metavar="CASE", help="The case's id, or enough of its beginning.")]
STATUSES = ("open", "snoozed", "decided", "resolved")


def list_(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="open, snoozed, decided or resolved.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only chargeback, review, or a finding's kind.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only this person's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the cases, the most urgent first; without --status, those that are not resolved."""
    from reconciler.cli import case_text, screen
    from reconciler.store.case_views import list_cases
    from reconciler.store.engine import read

    one_of("--status", status, STATUSES)
    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        rows = list_cases(connection, session.now(), status=status, kind=kind, owner=owner)
    if as_json:
        screen.emit(rows)
    else:
        waiting = [row for row in rows if status is not None or row["status"] != "resolved"]
        screen.show(*case_text.queue(waiting, session.zone_of(settings)))


def show(context: typer.Context, case: CaseId, as_json: AsJson = False) -> None:
    """One case in full: what the policy says, the checks, the amounts, and everything that happened."""
    from reconciler.cli import case_text, screen
    from reconciler.store.case_views import case_document
    from reconciler.store.engine import read

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        said = answer(lambda: case_document(connection, case.strip(), session.now()))
    if as_json:
        screen.emit(said)
    else:
        screen.show(*case_text.whole(said, session.zone_of(settings)))


def assign(
    context: typer.Context,
    case: CaseId,
    by: By,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Whose case it is from now on; empty: nobody's.")],
    as_json: AsJson = False,
) -> None:
    """Give a case to a person."""
    from reconciler.cases import states

    _act(context, case, by, as_json, lambda one, _row, who, now: states.assign(one, to.strip() or None, who, now))


def note(
    context: typer.Context,
    case: CaseId,
    by: By,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="What to write down.")],
    as_json: AsJson = False,
) -> None:
    """Write something down about a case."""
    from reconciler.cases import states

    what = filled("--text", text)
    _act(context, case, by, as_json, lambda one, _row, who, now: states.note(one, who, what, now))


def snooze(
    context: typer.Context,
    case: CaseId,
    by: By,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until a date or a time.")] = None,
    until_amount_grows: Annotated[
        bool, typer.Option("--until-amount-grows", help="Until more is at stake than now.")
    ] = False,
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put a case aside until a date, or until the amount at stake grows."""
    from reconciler.cases import states

    if until is None and not until_amount_grows:
        raise WrongUsage("say until when: --until TIME, --until-amount-grows, or both")
    settings = session.of(context).settings()
    time = moment("--until", until, session.zone_of(settings))

    def aside(one: "Case", row: Any, who: str, now: datetime) -> "Moved":
        above = (row["amount_minor"] or 0) if until_amount_grows else None
        return states.snooze(one, time, above, who, text, now)

    _act(context, case, by, as_json, aside)


def reopen(
    context: typer.Context,
    case: CaseId,
    by: By,
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")],
    as_json: AsJson = False,
) -> None:
    """Ask for another decision about a case; the earlier one stays on its timeline."""
    from reconciler.cases import states

    why = filled("--note", text)
    _act(context, case, by, as_json, lambda one, _row, who, now: states.reopen(one, who, why, now))


def answer(work: Callable[[], Any]) -> Any:
    """What the work gives; a refusal becomes wrong usage, with its reason."""
    from reconciler.errors import BadRecord

    try:
        return work()
    except BadRecord as error:
        raise WrongUsage(str(error)) from None


def _act(
    context: typer.Context,
    case: str,
    by: str,
    as_json: bool,
    change: Callable[["Case", Any, str, datetime], "Moved"],
) -> None:
    """One small act of a person on a case: who does it, the change in a transaction of its own, the case after it."""
    from reconciler.cli import case_text, screen
    from reconciler.store.case_views import case_document, find_case
    from reconciler.store.cases import change_case
    from reconciler.store.engine import write

    settings, who = session.of(context).settings(), filled("--by", by)
    now = session.now()
    with session.store(settings) as engine, write(engine) as connection:
        id_ = answer(lambda: find_case(connection, case.strip()))
        answer(lambda: change_case(connection, id_, lambda one, row: change(one, row, who, now), now))
        said = case_document(connection, case.strip(), now)
    if as_json:
        screen.emit(said)
    else:
        screen.show(*case_text.head(said, session.zone_of(settings)))
