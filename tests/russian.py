"""Finds English where a reader was to get Russian."""

import re

_RUN = re.compile(r"[A-Za-z][A-Za-z']*(?:[ ,:;]+[A-Za-z][A-Za-z']*){3,}")
_COMMAND = re.compile(r"`[^`]*`|reconciler [a-z-]+(?: --?[a-z-]+| [a-z]+)*")


def english(text: str) -> list[str]:
    """Every run of four English words and more, commands to be typed left out."""
    return _RUN.findall(_COMMAND.sub("…", text))
