"""Text of others made harmless for a messenger: one line, no address in full, nothing that turns into a link."""

import re

from reconciler.report.shown import clean

_EMAIL = re.compile(r"([^\s@<>\"'(),;:]+)@((?:[\w-]+\.)+)(\w{2,})")
_HOST = re.compile(r"(?<=[\w-])\.(?=[^\W\d_]{2,})")
_MENTION = re.compile(r"@(?=\w)")
_COMMAND = re.compile(r"(?<![\w/<])/(?=[A-Za-z])")


def harmless(value: object) -> str:
    """The text as people may read it in a chat: e-mail addresses masked, links, mentions and commands taken apart."""
    text = _EMAIL.sub(_masked, clean(value))
    text = text.replace("://", ": //")
    text = _HOST.sub("[.]", text)
    return _COMMAND.sub("/ ", _MENTION.sub("(at)", text))


def _masked(found: re.Match[str]) -> str:
    name, host, top = found.groups()
    return f"{name[:1]}***(at){host[:1]}***.{top}"
