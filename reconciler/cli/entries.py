"""`review`, `chargeback` and `outage`: what an operator hears outside the feeds and enters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import session
from reconciler.cli.cases import answer
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, deadline, filled, moment, money_of, one_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import sqlalchemy as sa

    from reconciler.settings import Settings

Entered = dict[str, Any]
WHO = "operator"
_DUE = "When the provider wants the answer; a date is counted to its end."


def review_add(
    context: typer.Context,
    order: Annotated[str, typer.Option(metavar="ID", help="The shop's order id, or the provider's invoice.")] = "",
    unique_code: Annotated[str, typer.Option(metavar="C", help="DigiSeller's unique code instead.")] = "",
    email: Annotated[str, typer.Option(metavar="E", help="The e-mail address that the buyer names.")] = "",
    account: Annotated[str, typer.Option(metavar="A", help="The account that asks.")] = "",
    text: Annotated[str, typer.Option(metavar="TEXT", help="What the buyer says happened.")] = "",
    reason: Annotated[
        str | None, typer.Option(metavar="R", help="The stated reason; else it is read out of the text.")
    ] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file of the buyer; repeatable.")
    ] = None,
    received_at: Annotated[str | None, typer.Option(metavar="T", help="When it was received; default: now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Enter a buyer's refund review request; what it lacks is said, and its due date counted."""
    from reconciler.policy import STATED, stated_reason
    from reconciler.store import evidence_files
    from reconciler.store.reviews import NewReview, add_review

    one_of("--reason", reason, tuple(STATED))
    settings = session.of(context).settings()
    received = moment("--received-at", received_at, session.zone_of(settings)) or session.now()
    if received > session.now():
        raise WrongUsage(f"--received-at {received_at} is in the future")
    kept = answer(lambda: evidence_files.keep(settings, evidence or []))
    new = NewReview(
        received, order.strip(), unique_code.strip(), email.strip(), account.strip(), text.strip(),
        reason or stated_reason(text), tuple(kept),
    )  # fmt: skip

    def work(connection: "sa.Connection", now: "datetime") -> tuple[str, Entered]:
        row = add_review(connection, settings, new, now)
        return row["case_id"], {"id": row["id"]}

    _enter(settings, work, as_json)


def chargeback_record(
    context: typer.Context,
    provider: Annotated[str, typer.Option(metavar="PROVIDER", help="digiseller or tribute.")],
    ref: Annotated[
        str, typer.Option(metavar="REF", help="The provider's own id of the charge, pulled already or not.")
    ],
    amount: Annotated[str, typer.Option(metavar="AMOUNT", help="The disputed amount, such as 12.50.")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="Its currency, such as RUB or WMZ.")],
    reason: Annotated[str, typer.Option(metavar="CODE", help="The scheme's reason code, such as 10.4 or 4853.")],
    opened_at: Annotated[str, typer.Option(metavar="T", help="When it was opened; a date means its beginning.")],
    due_at: Annotated[str | None, typer.Option(metavar="T", help=_DUE)] = None,
    stage: Annotated[str, typer.Option(metavar="S", help="Its stage; default: opened.")] = "opened",
    as_json: AsJson = False,
) -> None:
    """Record a chargeback that the provider or the bank told of; told again, it changes nothing."""
    from providers import NAMES
    from reconciler.policy.disputes import STAGES
    from reconciler.store.disputes import NewDispute, record

    one_of("--provider", provider, NAMES)
    one_of("--stage", stage, STAGES)
    settings = session.of(context).settings()
    zone = session.zone_of(settings)
    opened, due = moment("--opened-at", opened_at, zone), deadline("--due-at", due_at, zone)
    if opened is None or opened > session.now():
        raise WrongUsage(f"--opened-at {opened_at} is in the future")
    money = money_of(amount, currency)
    named = filled("--ref", ref), money, filled("--reason", reason)
    new = NewDispute(provider, *named, opened, stage, due, zone=zone)

    def work(connection: "sa.Connection", now: "datetime") -> tuple[str, Entered]:
        row, is_new = record(connection, new, WHO, now)
        return _with_case(_chargeback(connection, row, now) | {"recorded": is_new})

    _enter(settings, work, as_json)


def chargeback_update(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The chargeback's id.")],
    stage: Annotated[str, typer.Option(metavar="S", help="The stage that it reached.")],
    at: Annotated[str | None, typer.Option(metavar="T", help="When it reached it; default: now.")] = None,
    due_at: Annotated[str | None, typer.Option(metavar="T", help=_DUE)] = None,
    as_json: AsJson = False,
) -> None:
    """Note that a chargeback reached a stage, in whatever order one hears of them."""
    from reconciler.policy.disputes import STAGES
    from reconciler.store.disputes import add_stage

    one_of("--stage", stage, STAGES)
    settings = session.of(context).settings()
    zone = session.zone_of(settings)
    reached, due = moment("--at", at, zone), deadline("--due-at", due_at, zone)
    if reached is not None and reached > session.now():
        raise WrongUsage(f"--at {at} is in the future")

    def work(connection: "sa.Connection", now: "datetime") -> tuple[str, Entered]:
        row = add_stage(connection, id_.strip(), stage, reached or now, WHO, now, due=due, zone=zone)
        return _with_case(_chargeback(connection, row, now))

    _enter(settings, work, as_json)


def chargeback_evidence(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The chargeback's id.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the folder and the ZIP go.")],
    as_json: AsJson = False,
) -> None:
    """Write the evidence file for a dispute: a readable summary, the raw facts, and what is missing."""
    from reconciler.cli import screen
    from reconciler.store import evidence_files
    from reconciler.store.engine import read
    from reconciler.store.evidence import gather

    settings = session.of(context).settings()
    with session.store(settings) as engine, read(engine) as connection:
        packet = answer(lambda: gather(connection, settings, id_.strip(), session.now()))
    folder, archive, lacking = evidence_files.write(settings, packet, out)
    if as_json:
        screen.emit({"folder": str(folder), "zip": str(archive), "missing": lacking})
    else:
        missing = "; ".join(lacking)
        screen.show(screen.text(f"Wrote {folder} and {archive}. Missing: {missing}."))


def outage_add(
    context: typer.Context,
    since: Annotated[str, typer.Option("--from", metavar="T", help="When the service went out.")],
    until: Annotated[str, typer.Option("--to", metavar="T", help="When it was back.")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="What happened.")],
    as_json: AsJson = False,
) -> None:
    """Record an outage that the shop is answerable for; requests about purchases inside it cite it."""
    from reconciler.cli import screen
    from reconciler.model import Window
    from reconciler.store.cases import follow_cases
    from reconciler.store.engine import write
    from reconciler.store.reviews import add_outage, review_cases

    settings = session.of(context).settings()
    zone = session.zone_of(settings)
    begin, end, why = moment("--from", since, zone), moment("--to", until, zone), filled("--note", note)
    if begin is None or end is None:
        raise WrongUsage("an outage has a beginning and an end: --from and --to")
    now = session.now()
    with session.store(settings) as engine, write(engine) as connection:
        id_, new = answer(lambda: add_outage(connection, Window(begin, end), why, now))
        follow_cases(connection, settings, review_cases(connection), now)
    if as_json:
        screen.emit({"id": id_, "recorded": new})
    else:
        screen.show("Recorded the outage." if new else "This outage was recorded before; nothing was changed.")


def _chargeback(connection: "sa.Connection", row: Any, now: "datetime") -> Entered:
    from reconciler.store.case_views import chargeback_documents
    from reconciler.store.cases import charge_root, open_case

    key = (row["provider"], row["ref"])
    case_id = open_case(connection, charge_root(*key), now, key=key, note="a chargeback was recorded")
    (shown,) = chargeback_documents(connection, [row], now)
    return shown | {"case_id": case_id}


def _with_case(entered: Entered) -> tuple[str, Entered]:
    return entered["case_id"], entered


def _enter(
    settings: "Settings", work: "Callable[[sa.Connection, datetime], tuple[str, Entered]]", as_json: bool
) -> None:
    """Write it down, and show what its case comes to."""
    from reconciler.cli import case_text, screen
    from reconciler.store.acts import enter
    from reconciler.store.engine import write

    with session.store(settings) as engine, write(engine) as connection:
        said = answer(lambda: enter(connection, settings, work, session.now()))
    if as_json:
        screen.emit(said)
    else:
        screen.show(*case_text.head(said["case"], session.zone_of(settings)))
