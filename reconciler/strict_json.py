"""Reads JSON that others wrote: exact numbers, no key twice, no endless depth."""

import json
from decimal import Decimal
from typing import Any

from reconciler.errors import Retryable

MAX_DEPTH = 64


def parse_json(body: bytes) -> Any:
    """Strict JSON: UTF-8 with or without BOM, exact decimals, no NaN, no key twice, bounded depth; else Retryable."""
    try:
        value = _STRICT.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError, ArithmeticError) as error:
        start = body[:60].decode("utf-8", "replace").strip()
        raise Retryable(f"the answer is no complete JSON ({type(error).__name__}; it begins {start!r})") from None
    if not _shallow(value, MAX_DEPTH):
        raise Retryable("the answer is nested too deeply to be real")
    return value


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_STRICT = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_twins)


def _shallow(value: Any, depth: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not items:
        return depth >= 0
    return depth > 0 and all(_shallow(item, depth - 1) for item in items if isinstance(item, dict | list))
