"""Who may do what: roles of people, scopes of programs, and what makes a name and a password good enough."""

import re
from typing import Literal

from reconciler.errors import BadRecord

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""Each may do all that those before it may: look; decide and retry; see settings, users and tokens."""
PERSONAL = "personal"
SCOPES = ("findings", "cases", "chargebacks", "outbox", "webhooks", "status", "audit", PERSONAL)
"""What a program's token may read. Without `personal` e-mail addresses are masked."""

SHORTEST, LONGEST = 12, 128
_GOOD_ENOUGH = 3
_NAME = re.compile(r"\w[\w.@+-]{0,63}")
_EMAIL = re.compile(r"([\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]*@([\w-])[\w-]*((?:\.[\w-]+)+)")


def may(role: str, needed: str) -> bool:
    """Whether somebody with `role` may do what `needed` may do."""
    names: tuple[str, ...] = ROLES
    return role in names and names.index(role) >= names.index(needed)


def check_name(name: str) -> str:
    """The name without space around it; raises BadRecord for one that is no name."""
    if not _NAME.fullmatch(name.strip()):
        raise BadRecord(f"{name!r} is no user name: letters, digits and . _ @ + -, at most 64, no spaces")
    return name.strip()


def check_password(password: str, name: str) -> None:
    """Raises BadRecord for a password that could be guessed: too short, common, or made of the name."""
    from zxcvbn import zxcvbn  # slow to load, and seldom needed

    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRecord(f"a password has {SHORTEST} to {LONGEST} characters")
    if zxcvbn(password[:72], user_inputs=[name, "reconciler"])["score"] < _GOOD_ENOUGH:
        raise BadRecord("this password is too easy to guess: take several unusual words, or a password manager's")


def masked(text: str) -> str:
    """The text with every e-mail address in it made unrecognisable: `ann@example.com` is `a***@e***.com`."""
    return _EMAIL.sub(r"\1***@\2***\3", text) if "@" in text else text
