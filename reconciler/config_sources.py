"""Where settings come from: the tables of `config.toml` and `RECONCILER_` variables, as values by path."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.config_keys import (
    FILE,
    PREFIX,
    Key,
    KeyPath,
    all_keys,
    label,
    sections,
    unknown_key,
    unknown_section,
    unknown_variable,
)
from reconciler.errors import ConfigError

MAX_SECRET_BYTES = 64 * 1024
Values = dict[KeyPath, Any]
"""Values by the path of their key. A section that is there, be it empty, stands for itself as an empty table."""


@dataclass(frozen=True, slots=True)
class InFile:
    """A secret that stands in a file of its own; `name` is the key or variable that says so."""

    name: str
    path: str

    def read(self) -> str:
        """The file's text without the space around it; raises ConfigError when there is none."""
        try:
            with Path(self.path).open("rb") as file:
                text = file.read(MAX_SECRET_BYTES).decode("utf-8-sig").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigError(f"{self.name}: {self.path} cannot be read: {reason}") from None
        if not text:
            raise ConfigError(f"{self.name}: {self.path} is empty")
        return text


def from_table(tree: Mapping[str, Any], wrong: list[str], only: Collection[str] = ()) -> Values:
    """The values of a parsed file; what is no setting goes into `wrong` as a line each."""
    chosen = {name: value for name, value in tree.items() if not only or name in only}
    given = dict(_leaves(chosen, (), wrong))
    return _with_files(given, {path: label(path) for path in given}, wrong)


def from_variables(environ: Mapping[str, str], wrong: list[str], only: Collection[str] = ()) -> Values:
    """The values of the variables with our prefix; what is no setting or cannot be read goes into `wrong`."""
    given: Values = {}
    names: dict[KeyPath, str] = {}
    for name, text in environ.items():
        path = tuple(name.upper().removeprefix(PREFIX).lower().split("__"))
        if not name.upper().startswith(PREFIX) or (only and path[0] not in only):
            continue
        key = _key_of(path)
        if key is None:
            wrong.append(unknown_variable(name))
            continue
        try:
            given[path] = text if path != key.path else _value(key, text)
        except ValueError:
            wrong.append(f"{name}: expected {'a list' if key.is_list else 'a table'} as JSON")
        names[path] = name
    return _with_files(given, names, wrong)


def nested(values: Values) -> dict[str, Any]:
    """The values as tables within tables."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        table = tree
        for name in path[:-1]:
            table = table.setdefault(name, {})
        if path in sections():
            table.setdefault(path[-1], {})
        else:
            table[path[-1]] = value
    return tree


def _leaves(table: Mapping[str, Any], path: KeyPath, wrong: list[str]) -> Iterator[tuple[KeyPath, Any]]:
    for name, value in table.items():
        inner = (*path, name)
        if inner in sections():
            if isinstance(value, dict):
                yield inner, {}
                yield from _leaves(value, inner, wrong)
            else:
                wrong.append(f"{label(inner)} must be a section: write [{'.'.join(inner)}] on a line of its own")
        elif _key_of(inner):
            yield inner, value
        else:
            wrong.append(unknown_section(inner) if isinstance(value, dict) else unknown_key(inner))


def _key_of(path: KeyPath) -> Key | None:
    """The key that `path` sets, directly or (secrets only) by naming a file."""
    if key := all_keys().get(path):
        return key
    plain = all_keys().get((*path[:-1], path[-1].removesuffix(FILE)))
    return plain if plain and plain.is_secret and path[-1].endswith(FILE) else None


def _with_files(given: Values, names: Mapping[KeyPath, str], wrong: list[str]) -> Values:
    values = {path: value for path, value in given.items() if path in all_keys() or path in sections()}
    for path, value in given.items():
        key = _key_of(path)
        if key is None or path == key.path or value == "":
            continue
        if given.get(key.path):
            wrong.append(f"{names[path]} and {names[key.path]} are both given: keep one of them")
        elif not isinstance(value, str):
            wrong.append(f"{names[path]}: expected the path of a file, in quotes")
        else:
            values[key.path] = InFile(names[path], value)
    return values


def _value(key: Key, text: str) -> Any:
    if key.is_table or (key.is_list and text.lstrip().startswith("[")):
        value = json.loads(text)
        if not isinstance(value, dict if key.is_table else list):
            raise ValueError(text)
        return value
    return [part.strip() for part in text.split(",") if part.strip()] if key.is_list else text
