"""What the program has written down in English, told in another language: by the pattern that a sentence was made from.

What is stored is stored once, for programs and for the screen. A language's file has each pattern with its own words;
the values are told in turn, and what no pattern fits was written by others, so it stays as it is.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from itertools import chain, zip_longest

_BLANK = re.compile(r"\{(\w+)\}")
_SPECIAL = {
    "feed": r"[a-z]+(?:\.[a-z_]+)+",
    "request": r"(?:GET|POST) \S+",
    "n": r"[\d,]+",
    "status": r"\d{3}\b.*?",
    "since": r"\d{4}-\d\d-\d\d[\d :]*?",
    "until": r"\d{4}-\d\d-\d\d[\d :]*?(?: UTC)?",
    "id": r"\S+",
    "ref": r"\S+",
}
"""What may stand for a value of this name; for others anything may."""
_OF_OTHERS = {"text"}
"""Values that others wrote: they stay as they are, whatever they look like."""
_LONGEST = 2000


@cache
def patterns(language: str) -> Mapping[str, str]:
    """The language's sentences by their English patterns; none for a language that has no file."""
    file = resources.files("reconciler.words.sentences").joinpath(f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


@lru_cache(maxsize=4096)
def told(language: str, text: str) -> str:
    """A text of the program in a language: a sentence, a list of them, or the text itself where others wrote it."""
    if len(text) > _LONGEST:
        return text
    for pattern, words in _compiled(language):
        if found := pattern.fullmatch(text):
            return words.format(**{name: _value(language, name, value) for name, value in found.groupdict().items()})
    for mark in ("; ", ", "):
        if mark in text:
            return mark.join(told(language, part) for part in text.split(mark))
    return text


def _value(language: str, name: str, value: str) -> str:
    return value if name in _OF_OTHERS else told(language, value)


@cache
def _compiled(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The patterns, those with most words of their own first: they say most about what they fit."""
    given = patterns(language)
    ordered = sorted(given, key=lambda one: (-len(_BLANK.sub("", one)), one))
    return [(_compile(one), given[one]) for one in ordered]


def _compile(pattern: str) -> re.Pattern[str]:
    """Raises re.error for a value that is named twice."""
    parts = _BLANK.split(pattern)
    blanks = (f"(?P<{name}>{_SPECIAL.get(name, '.+?')})" for name in parts[1::2])
    fixed = (re.escape(part) for part in parts[::2])
    return re.compile("".join(chain.from_iterable(zip_longest(fixed, blanks, fillvalue=""))), re.DOTALL)
