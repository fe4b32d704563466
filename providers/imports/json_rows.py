"""Rows of a JSON file, an array of objects or an object in each line, read piece by piece; numbers stay exact."""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any

from providers.csv_rows import Row, encoding_of
from reconciler.errors import ConfigError

CHUNK_CHARS = 64 * 1024
MAX_ROW_CHARS = 1024 * 1024
_BETWEEN = re.compile(r"[\s,]*")


def is_json(path: Path, encoding: str | None) -> bool:
    """Whether the first sign of a file is that of an array or an object."""
    with _opened(path, encoding) as file:
        return file.read(CHUNK_CHARS).lstrip()[:1] in ("[", "{")


def rows(path: Path, encoding: str | None) -> Iterator[Row]:
    """The objects of the file, nested ones flattened (`payload.amount`), keys in lower case.

    In a file of lines a broken one spoils only itself. A broken array raises ConfigError: what comes after the break
    cannot be told.
    """
    with _opened(path, encoding) as file:
        start = file.read(CHUNK_CHARS).lstrip()[:1]
        file.seek(0)
        yield from _array(path, file) if start == "[" else _lines(file)


def _opened(path: Path, encoding: str | None) -> IO[str]:
    return path.open(encoding=encoding or encoding_of(path), errors="surrogateescape")


def _lines(file: IO[str]) -> Iterator[Row]:
    number = 0
    while line := file.readline(MAX_ROW_CHARS):
        number += 1
        if line.strip():
            try:
                yield _row(_DECODER.decode(line), number)
            except (ValueError, RecursionError) as error:
                yield Row({"line": line[:1000]}, f"the line is no JSON object ({_reason(error)})", number)


def _array(path: Path, file: IO[str]) -> Iterator[Row]:
    text, place, number = file.read(CHUNK_CHARS), 0, 0
    place = text.index("[") + 1
    while True:
        found = _BETWEEN.match(text, place)
        place = found.end() if found else place
        if text.startswith("]", place):
            break
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            more = file.read(CHUNK_CHARS)
            if not more or len(text) - place > MAX_ROW_CHARS or isinstance(error, RecursionError):
                raise ConfigError(f"{path} is no JSON array after its row {number} ({_reason(error)})") from None
            text, place = text[place:] + more, 0
            continue
        number += 1
        yield _row(value, number)
    if (text[place + 1 :] + file.read(CHUNK_CHARS)).strip():
        raise ConfigError(f"{path} goes on after the end of its JSON array")


def _row(value: Any, number: int) -> Row:
    if not isinstance(value, dict):
        return Row({"value": str(value)[:1000]}, "it is no JSON object", number)
    pairs = list(_flat(value, ""))
    cells = {name: item for name, item in pairs if not name.endswith(_TWICE)}
    return Row(cells, "" if len(cells) == len(pairs) else "a key comes twice in it", number)


def _flat(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}{key.strip().lower()}"
        if isinstance(item, dict):
            yield from _flat(item, f"{name}.")
        else:
            yield name, item


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found[_TWICE] = True
    return found


def _number(text: str) -> Any:
    """An exact number; one so long or so large that it can be no amount stays text."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if len(text) > 40 or abs(number.adjusted()) > 40:
        return text
    return int(number) if number == int(number) and "e" not in text.lower() and "." not in text else number


def _reason(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"


_TWICE = "\x00twice"
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=str, strict=True
)
