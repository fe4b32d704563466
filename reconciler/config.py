"""Reads the configuration: `config.toml`, then `RECONCILER_` variables over it, checked as a whole (contract 2)."""

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from reconciler.config_checks import problems
from reconciler.config_keys import all_keys, known_keys, label
from reconciler.config_sources import InFile, Values, from_table, from_variables, nested
from reconciler.errors import ConfigError
from reconciler.settings import Settings

POINTER = "RECONCILER_CONFIG"
DEFAULT = Path("config.toml")
MAX_SHOWN = 60

__all__ = ["known_keys", "load", "masked"]

_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list",
    "dict_type": "a table of names and values",
    "literal_error": "one of {expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length} of them",
}


def load(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    required: bool = True,
    only: Collection[str] = (),
) -> Settings:
    """The settings of `path`, else of `$RECONCILER_CONFIG`, else of `./config.toml`, overridden by variables.

    With `required=False` no file and no variables mean the defaults. `only` names the sections to read; what stands
    elsewhere is not looked at then. Lists in variables are JSON or separated by commas, tables are JSON. `<key>_file`
    reads a secret from a file. What a variable says in either form replaces what the file says in either form.
    Raises ConfigError with a line for each thing that is wrong, and never with a secret.
    """
    found = _file(path, environ)
    wrong: list[str] = []
    table = from_table(_parsed(found) if found else {}, wrong, only)
    variables = from_variables({name: environ[name] for name in environ if name != POINTER}, wrong, only)
    if required and not found and not variables and not wrong:
        raise ConfigError("there is no config.toml here: run `reconciler init`, or name a file with --config")
    settings = _settings({**table, **variables}, frozenset(variables), wrong)
    if settings is None or wrong:
        raise ConfigError(_joined(wrong, str(found or "the RECONCILER_ variables")))
    return settings


def masked(settings: Settings) -> dict[str, Any]:
    """The settings in effect as JSON values by their names in the file, with no secret in them."""
    shown: dict[str, Any] = _shown(settings)
    shown["database"]["url"] = _address(settings.database.url)
    shown["shop"]["url"] = _address(settings.shop.url.get_secret_value())
    return shown


def _file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    pointed = environ.get(POINTER, "").strip()
    named = path or (Path(pointed) if pointed else None)
    if named is None:
        return DEFAULT if DEFAULT.is_file() else None
    if not named.is_file():
        source = "--config" if path else POINTER
        raise ConfigError(f"the configuration {named} is not there: correct {source}, or run `reconciler init`")
    return named


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML: {error}; text stands in quotes") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check its permissions") from None


def _settings(values: Values, variables: Collection[tuple[str, ...]], wrong: list[str]) -> Settings | None:
    read = {path: _resolved(value, wrong) for path, value in values.items()}
    try:
        settings = Settings.model_validate(nested(read))
    except ValidationError as error:
        # The context of an error may hold the secret itself, so the exception is not chained.
        wrong.extend(_line({**detail}, variables) for detail in error.errors(include_url=False))
        return None
    if not wrong:
        wrong.extend(problems(settings))
    return settings


def _resolved(value: Any, wrong: list[str]) -> Any:
    if not isinstance(value, InFile):
        return value
    try:
        return value.read()
    except ConfigError as error:
        wrong.append(str(error))
        return ""


def _line(detail: Mapping[str, Any], variables: Collection[tuple[str, ...]]) -> str:
    location = tuple(str(part) for part in detail["loc"])
    key = next(key for path, key in all_keys().items() if location[: len(path)] == path)
    name = key.variable if key.path in variables else label(key.path)
    inside = f" ({', '.join(location[len(key.path) :])})" if len(location) > len(key.path) else ""
    value = "" if key.holds_secrets else f" = {repr(detail['input'])[:MAX_SHOWN]}"
    known = _EXPECTED.get(detail["type"])
    expected = known.format(**detail.get("ctx", {})) if known else detail["msg"][:1].lower() + detail["msg"][1:]
    return f"{name}{inside}{value}: expected {expected}"


def _joined(wrong: list[str], source: str) -> str:
    if len(wrong) == 1:
        return f"{source}: {wrong[0]}"
    return "\n".join([f"{source}: {len(wrong)} settings are wrong", *(f"  {line}" for line in wrong)])


def _shown(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        return {info.alias or name: _shown(getattr(value, name)) for name, info in fields}
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return value


def _address(url: str) -> str:
    """A database's address without user, password and options."""
    scheme, found, rest = url.partition("://")
    before_options = rest.split("?", 1)[0]
    if not found or scheme.startswith("sqlite"):
        return url.split("?", maxsplit=1)[0] if found else "***" if url else ""
    if "@" in before_options:
        return f"{scheme}://***@{before_options.rsplit('@', 1)[1]}"
    return f"{scheme}://***" if "@" in rest else f"{scheme}://{before_options}"
