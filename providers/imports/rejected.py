"""The file beside an imported one that takes the rows which could not be, each with its reason, to be mended."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from providers.csv_rows import Row
from reconciler.report.table import harmless

LINE, REASON = "rejected_line", "rejected_reason"


class RejectedFile:
    """Rows as CSV in the columns of the imported file; it takes its name once `done` says that it is whole.

    Where nothing is rejected no file is made, and an older one stays as it is.
    """

    def __init__(self, imported: Path, columns: Sequence[str]) -> None:
        """`columns` are those of the imported file; nothing is written yet."""
        self.path = imported.with_name(f"{imported.stem}.rejected.csv")
        self.count = 0
        self._part = self.path.with_name(f".{self.path.name}.part")
        self._columns = [column for column in columns if column not in (LINE, REASON)]
        self._file: IO[str] | None = None

    def add(self, row: Row, reason: str) -> None:
        """Take one row; raises OSError when there is no room or no right."""
        if self._file is None:
            self._file = self._part.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
            csv.writer(self._file).writerow([LINE, REASON, *self._columns])
        cells = [row.cells.get(column) for column in self._columns]
        said = [cell for name, cell in row.cells.items() if name not in (*self._columns, LINE, REASON)]
        csv.writer(self._file).writerow([row.number, *map(_cell, (reason, *cells, *said))])
        self.count += 1

    def done(self) -> Path | None:
        """Give the file its name, on disk; None when nothing was rejected."""
        if self._file is None:
            return None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)
        return self.path


def _cell(value: Any) -> str:
    return "" if value is None else harmless(str(value))
