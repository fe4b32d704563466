"""`quarantine retry` and `refund record`: what an operator changes."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import failures, session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, filled, money_of, one_of

if TYPE_CHECKING:
    from reconciler.money import Money
    from reconciler.settings import Settings
    from reconciler.store.refunds import Recorded


def quarantine_retry(context: typer.Context, as_json: AsJson = False) -> None:
    """Read the records in quarantine again from where they came, with what is understood today."""
    from jobs.quarantine import retry
    from reconciler.cli import screen

    settings = session.of(context).settings()
    with session.store(settings) as engine, screen.progress("reading the records again") as notify:
        result = retry(settings, engine, notify)
    if as_json:
        screen.emit({"released": result.released, "kept": result.kept, "problems": result.problems})
    else:
        screen.show(f"{result.released:,} understood now, {result.kept:,} still in quarantine.")
    if result.problems:
        more = f" (and {len(result.problems) - 1} more)" if len(result.problems) > 1 else ""
        screen.warn(f"not everything could be read again: {result.problems[0]}{more}")
        raise typer.Exit(failures.UNRELIABLE)


def refund_record(
    context: typer.Context,
    provider: Annotated[str, typer.Option(metavar="PROVIDER", help="digiseller or tribute.")],
    ref: Annotated[str, typer.Option(metavar="REF", help="The provider's own id of the charge.")],
    amount: Annotated[str, typer.Option(metavar="AMOUNT", help="How much goes back, such as 12.50.")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="The charge's currency, such as RUB or WMZ.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approved it.")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    as_json: AsJson = False,
) -> None:
    """Record an approved refund, so that the reversal that follows is explained."""
    from providers import NAMES
    from reconciler.cli import screen

    one_of("--provider", provider, NAMES)
    money = money_of(amount, currency)
    who, why, charge = filled("--by", by), filled("--note", note), filled("--ref", ref)
    settings = session.of(context).settings()
    recorded = _record(settings, provider, charge, money, who, why)
    if as_json:
        screen.emit(_document(recorded))
    else:
        screen.show(screen.text(_sentence(recorded)))


def _record(settings: "Settings", provider: str, ref: str, money: "Money", by: str, note: str) -> "Recorded":
    from reconciler.errors import BadRecord
    from reconciler.store.engine import write
    from reconciler.store.refunds import record

    with session.store(settings) as engine, write(engine) as connection:
        try:
            return record(
                connection, provider, ref, money, by, note, session.now(), equivalents=settings.currency.equivalents
            )
        except BadRecord as error:
            raise WrongUsage(str(error)) from None


def _document(recorded: "Recorded") -> dict[str, Any]:
    from reconciler.findings import iso
    from reconciler.money import format_minor

    charge = recorded.charge
    return {
        "id": recorded.id,
        "recorded": recorded.new,
        "provider": recorded.provider,
        "ref": recorded.ref,
        "amount": format_minor(recorded.money.minor, recorded.money.currency),
        "currency": recorded.money.currency,
        "by": recorded.by,
        "note": recorded.note,
        "recorded_at": iso(recorded.at),
        "charge": None
        if charge is None
        else {"amount": format_minor(charge.minor, charge.currency), "currency": charge.currency},
    }


def _sentence(recorded: "Recorded") -> str:
    from reconciler.money import format_minor

    amount = f"{format_minor(recorded.money.minor, recorded.money.currency)} {recorded.money.currency}"
    what = f"refund of {amount} for {recorded.provider} {recorded.ref}"
    if not recorded.new:
        return f"This {what} was recorded before ({recorded.at:%Y-%m-%d %H:%M} UTC); nothing was changed."
    if recorded.charge is None:
        return f"Recorded the {what}. That charge has not been pulled yet; the refund waits for it."
    return f"Recorded the {what}. The next run takes it into account."
