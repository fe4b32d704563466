"""Every text that people read, in every language: `say("ru", "finding", n=3)` is `3 расхождения`.

A language is a folder of TOML files. Nested tables make dotted keys, and a table of plural categories (`one`, `few`,
`many`, `other` as CLDR names them) is one text, chosen by the value `n`.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "ru")
_PLURALS = {"zero", "one", "two", "few", "many", "other"}

Text = str | Mapping[str, str]


def say(language: str, key: str, /, **values: object) -> str:
    """The text for `key` with its values filled in; whole numbers are written as the language writes them.

    A word without a text (a newer state, say) stands for itself.
    """
    text = texts(language).get(key)
    if text is None:
        return key.rpartition(".")[2].replace("_", " ")
    if not isinstance(text, str):
        text = text[_category(language, values["n"])]
    return text.format(**{name: _shown(language, value) for name, value in values.items()})


def knows(language: str, key: str) -> bool:
    """Whether the language has a text for `key`."""
    return key in texts(language)


@cache
def texts(language: str) -> Mapping[str, Text]:
    """All texts of a language by their dotted keys. Raises ValueError for a key that two files give."""
    found: dict[str, Text] = {}
    folder = resources.files("reconciler.words").joinpath(language)
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            new = _flat(tomllib.loads(file.read_text(encoding="utf-8")))
            if twice := found.keys() & new.keys():
                raise ValueError(f"{file.name} gives again what another file gives: {', '.join(sorted(twice))}")
            found |= new
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Text]:
    flat: dict[str, Text] = {}
    for name, value in table.items():
        if isinstance(value, str) or value.keys() <= _PLURALS:
            flat[prefix + name] = value
        else:
            flat |= _flat(value, f"{prefix}{name}.")
    return flat


def _category(language: str, number: Any) -> str:
    from babel import Locale

    return str(Locale.parse(language).plural_form(number))


def _shown(language: str, value: object) -> object:
    if type(value) is not int:
        return value
    from babel.numbers import format_decimal

    return format_decimal(value, locale=language)
