"""`policy try`: what the current [policy] would have decided over stored history."""

import json
from typing import Annotated, Any

import typer

from reconciler.cli import session
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson, moment


def try_(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="D", help="Findings and cases seen since: a date or a time.")],
    as_json: AsJson = False,
) -> None:
    """Show what the current \\[policy] would have decided otherwise over stored history; changes nothing."""
    from jobs.policy_try import try_policy
    from reconciler.cli import screen

    settings = session.of(context).settings()
    start = moment("--since", since, session.zone_of(settings))
    if start is None or start > session.now():
        raise WrongUsage(f"--since {since} is in the future: nothing is on record since then")
    with session.store(settings) as engine, screen.progress("judging stored history again"):
        said = try_policy(settings, engine, start, session.now())
    if as_json:
        screen.emit(said)
    else:
        _print(said)


def _print(said: dict[str, Any]) -> None:
    from reconciler.cli import screen
    from reconciler.report.texts import title

    for part in ("findings", "cases"):
        screen.show(f"{part.capitalize()}: {len(said[part]):,} would differ.")
        for one in said[part]:
            screen.show(screen.text(f"  {title(one['kind'])} {one['id']}: {_told(one)}"))
    for command in said["commands"]:
        screen.show(screen.text(f"  Would be sent by itself: {command['type']} for {command['account_id']}"))


def _told(one: dict[str, Any]) -> str:
    if one["before"] is None:
        return "would be found"
    if one["after"] is None:
        return "would not be found"
    return "; ".join(
        f"{name.replace('_', ' ')} {json.dumps(one['before'][name])} → {json.dumps(value)}"
        for name, value in one["after"].items()
    )
