"""Lists as CSV files: text that a spreadsheet would run is made harmless, and viewers get no e-mail address."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Response

from reconciler.access import masked, may
from reconciler.report.table import harmless
from reconciler.store.web_sessions import Visitor

_LEFT_OUT = {"differences", "checks", "decision", "pending", "proposals", "ask_for"}
_PLAIN = {"amount", "refundable_amount", "version", "days_left"}
"""Numbers stay numbers, a minus before them too."""


def csv_of(name: str, rows: Iterable[Mapping[str, Any]], visitor: Visitor) -> Response:
    """A header and a line for each row (UTF-8, commas, times in UTC)."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    hide = not may(visitor.role, "operator")
    for number, row in enumerate(rows):
        cells = {key: value for key, value in row.items() if key not in _LEFT_OUT}
        if number == 0:
            writer.writerow(cells)
        writer.writerow([_cell(key, value, hide) for key, value in cells.items()])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response("\ufeff" + target.getvalue(), 200, headers, "text/csv; charset=utf-8")


def _cell(key: str, value: Any, hide: bool) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    text = masked(text) if hide else text
    return text if key in _PLAIN else harmless(text)
