"""Finds English where a reader was to get Russian."""

import re

_COMMAND = re.compile(r"`[^`]*`|reconciler [a-z-]+(?: --?[a-z-]+| [a-z]+)*")
_TOKEN = re.compile(r"[^\s«»|,!?–—\"<>]+")
_AROUND = ".:;'…*\\()[]{}"
_WORD = re.compile(r"[A-Z]?[a-z']{2,20}")
_NAMES = {
    "Tribute", "tribute", "Telegram", "digiseller", "shop", "Enter", "English", "Unauthorized",
    "pull", "retval", "rows", "orders", "status", "psycopg", "postgres",
    "ann", "Ann", "Olga", "Boris", "acc",
}  # fmt: skip
"""Names that stay as they are: of others, of settings and fields, of people and accounts."""
_RUN = re.compile(r"[A-Za-z][A-Za-z']*(?:[ ,:;]+[A-Za-z][A-Za-z']*){3,}")


def sentences(text: str) -> list[str]:
    """Every run of four English words and more, for texts with names of all kinds; commands are left out."""
    return _RUN.findall(_COMMAND.sub("…", text))


def english(text: str) -> list[str]:
    """Every English word that is no name; commands to be typed, codes and identifiers are left out."""
    tokens = (token.strip(_AROUND) for token in _TOKEN.findall(_COMMAND.sub("…", text)))
    return [token for token in tokens if _WORD.fullmatch(token) and token not in _NAMES]
