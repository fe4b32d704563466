"""The texts of the report and of the printed statement in the screen's language, which is English."""

from reconciler.words import texts
from reconciler.words.voice import ENGLISH

KINDS = tuple(key.split(".")[1] for key in texts("en") if key.startswith("kind.") and key.endswith(".meaning"))
"""Every kind of finding (contract section 4)."""

say = ENGLISH.say
title = ENGLISH.title


def counted(number: int) -> str:
    """`1 finding`, `3 findings`."""
    return say("finding", n=number)
