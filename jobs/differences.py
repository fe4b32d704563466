"""Names the first difference between two results: where it is, what was stored and what was recomputed; pure."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

_NAMES = ("provider", "name", "month", "currency")
"""What an entry of a list is known by, so that its place needs no counting."""
_NOTHING = object()
LONGEST = 200


def first_difference(stored: Mapping[str, Any], recomputed: Mapping[str, Any]) -> str | None:
    """The first difference in a line; None where both say the same."""
    return next(_differences("", stored, recomputed), None)


def _differences(where: str, stored: Any, recomputed: Any) -> Iterator[str]:
    if stored == recomputed:
        return
    if isinstance(stored, dict) and isinstance(recomputed, dict):
        for name in sorted({*stored, *recomputed}):
            sides = (stored.get(name, _NOTHING), recomputed.get(name, _NOTHING))
            yield from _differences(f"{where}.{name}" if where else name, *sides)
    elif isinstance(stored, list) and isinstance(recomputed, list):
        for place, sides in enumerate(zip_longest(stored, recomputed, fillvalue=_NOTHING)):
            yield from _differences(f"{where}[{_name(place, *sides)}]", *sides)
    else:
        yield f"{where}: stored {_shown(stored)}, recomputed {_shown(recomputed)}"


def _name(place: int, *sides: Any) -> str:
    known = next((side for side in sides if isinstance(side, dict)), {})
    return " ".join(str(known[name]) for name in _NAMES if name in known) or str(place)


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
