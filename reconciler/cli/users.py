"""`user`: who may use the dashboard, and the tokens by which programs read it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import session
from reconciler.cli.cases import answer
from reconciler.cli.failures import WrongUsage
from reconciler.cli.options import AsJson

if TYPE_CHECKING:
    import sqlalchemy as sa

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file with the password in its first line; - is stdin.")
]


def add(
    context: typer.Context,
    name: Name,
    role: Annotated[str, typer.Option(metavar="ROLE", help="viewer, operator or admin.")] = "operator",
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody use the dashboard; asks for the password."""
    from reconciler.store.users import add_user

    password = _password(password_file)
    _change(context, lambda connection: add_user(connection, name, role, password, session.now()))
    _say(as_json, {"name": name.strip(), "role": role}, f"{name.strip()} may log in now, as {role}.")


def password(context: typer.Context, name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Give a user another password; whoever is disabled may come in again, and all sessions end."""
    from reconciler.store.users import set_password

    new = _password(password_file)
    _change(context, lambda connection: set_password(connection, name, new, session.now()))
    _say(as_json, {"name": name.strip()}, f"{name.strip()} has a new password.")


def disable(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let a user in no more; sessions and tokens of theirs end at once."""
    from reconciler.store.users import disable_user

    _change(context, lambda connection: disable_user(connection, name, session.now()))
    _say(as_json, {"name": name.strip(), "disabled": True}, f"{name.strip()} may not come in any more.")


def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the users and their tokens."""
    from reconciler.cli import screen, tables
    from reconciler.store.engine import read
    from reconciler.store.users import list_users

    with session.store(session.of(context).settings()) as engine, read(engine) as connection:
        rows = list_users(connection)
    if as_json:
        screen.emit(rows)
        return
    if not rows:
        screen.show("Nobody can use the dashboard yet: reconciler user add NAME")
        return
    table = tables.plain_table("Name", "Role", "State", "Tokens")
    for row in rows:
        tokens = "\n".join(f"{one['id']} {', '.join(one['scopes'])}{_ended(one)}" for one in row["tokens"])
        state = "disabled" if row["disabled_at"] else "active"
        table.add_row(screen.text(row["name"]), row["role"], state, screen.text(tokens))
    screen.show(table)


def token(
    context: typer.Context,
    name: Name,
    scope: Annotated[list[str] | None, typer.Option(metavar="SCOPE", help="What it may read; repeatable.")] = None,
    days: Annotated[int, typer.Option(metavar="N", min=1, max=3660, help="For how long.")] = 365,
    as_json: AsJson = False,
) -> None:
    """Make a token for a program that reads /api/v1 in a user's name; it is shown this once."""
    from reconciler.access import PERSONAL, SCOPES
    from reconciler.store.api_tokens import make_token

    scopes = scope or [one for one in SCOPES if one != PERSONAL]
    id_, made = _change(context, lambda connection: make_token(connection, name, scopes, days, session.now()))
    said = {"id": id_, "token": made, "name": name.strip(), "scopes": sorted(scopes), "days": days}
    _say(as_json, said, f"Token {id_} of {name.strip()}, for {days} days. It is not shown again:\n{made}")


def revoke(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `user list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Let a token count no more."""
    from reconciler.store.api_tokens import revoke as end

    _change(context, lambda connection: end(connection, id_.strip(), session.now()))
    _say(as_json, {"id": id_.strip(), "revoked": True}, f"Token {id_.strip()} counts no more.")


def _ended(token: dict[str, Any]) -> str:
    return " (revoked)" if token["revoked_at"] else f" (until {token['ends_at'][:10]})"


def _change(context: typer.Context, work: "Callable[[sa.Connection], Any]") -> Any:
    from reconciler.store.engine import write

    with session.store(session.of(context).settings()) as engine, write(engine) as connection:
        return answer(lambda: work(connection))


def _say(as_json: bool, document: dict[str, Any], sentence: str) -> None:
    from reconciler.cli import screen

    if as_json:
        screen.emit(document)
    else:
        screen.show(screen.text(sentence))


def _password(file: Path | None) -> str:
    """From the file, from stdin, or asked for twice without showing it."""
    if file is None:
        if not sys.stdin.isatty():
            raise WrongUsage("there is no terminal to ask for the password: name a file with --password-file, or -")
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"--password-file {file} cannot be read: {error}") from None
    return text.splitlines()[0] if text else ""
