"""The keys that a configuration may hold, taken from the settings themselves, and the nearest one to a wrong name."""

import difflib
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, SecretStr

from reconciler.settings import Settings

PREFIX = "RECONCILER_"
FILE = "_file"
KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: where it stands, and what kind of value it takes."""

    path: KeyPath
    annotation: Any

    @property
    def is_secret(self) -> bool:
        """Whether it is one secret, which may also stand in a file of its own."""
        return self.annotation is SecretStr

    @property
    def holds_secrets(self) -> bool:
        """Whether its value must never be shown."""
        return self.is_secret or SecretStr in typing.get_args(self.annotation)

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return typing.get_origin(self.annotation) is tuple

    @property
    def is_table(self) -> bool:
        """Whether it takes names with values."""
        return typing.get_origin(self.annotation) is dict

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + "__".join(self.path).upper()


@cache
def all_keys() -> dict[KeyPath, Key]:
    """Every setting by its path, in the order of the settings."""
    return {key.path: key for key in _keys(Settings, ())}


@cache
def sections() -> frozenset[KeyPath]:
    """The path of every table that holds settings, the whole file's empty one included."""
    return frozenset(path[:depth] for path in all_keys() for depth in range(len(path)))


def known_keys() -> list[str]:
    """Every setting's dotted name (`policy.grace_minutes`), in the order of the settings."""
    return [".".join(path) for path in all_keys()]


def label(path: KeyPath) -> str:
    """A key as messages name it: `[policy] grace_minutes`, or `timezone` outside of tables."""
    *section, name = path
    return f"[{'.'.join(section)}] {name}" if section else name


def unknown_key(path: KeyPath) -> str:
    """What to say of a key that is no setting; the nearest of its own table, or else of all, is named."""
    *section, name = path
    own = {known[-1]: known for known in _settable() if known[:-1] == tuple(section)}
    if close := difflib.get_close_matches(name.lower(), own, n=1):
        return f"{label(path)} is no setting; did you mean {close[0]}?"
    everywhere = {known[-1]: known for known in _settable()}
    if close := difflib.get_close_matches(name.lower(), everywhere, n=1, cutoff=0.8):
        return f"{label(path)} is no setting; did you mean {label(everywhere[close[0]])}?"
    return f"{label(path)} is no setting; the nearest is {_nearest(name, own or everywhere)}"


def unknown_section(path: KeyPath) -> str:
    """What to say of a table that is none."""
    names = [".".join(known) for known in sections() | _tables() if known]
    return f"[{'.'.join(path)}] is no section; did you mean [{_nearest('.'.join(path), names)}]?"


def unknown_variable(name: str) -> str:
    """What to say of an environment variable with our prefix that sets nothing."""
    variables = [PREFIX + "__".join(path).upper() for path in _settable()]
    return f"{name} is no setting; did you mean {_nearest(name, variables)}?"


def _nearest(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)[0]


def _settable() -> Iterator[KeyPath]:
    for path, key in all_keys().items():
        yield path
        if key.is_secret:
            yield (*path[:-1], path[-1] + FILE)


def _tables() -> set[KeyPath]:
    return {path for path, key in all_keys().items() if key.is_table}


def _keys(model: type[BaseModel], path: KeyPath) -> Iterator[Key]:
    for name, info in model.model_fields.items():
        inner = (*path, info.alias or name)
        annotation = info.annotation
        # A generic alias such as dict[str, str] passes for a type here, but is no class.
        if isinstance(annotation, type) and not typing.get_origin(annotation) and issubclass(annotation, BaseModel):
            yield from _keys(annotation, inner)
        else:
            yield Key(inner, annotation)
