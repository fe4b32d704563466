"""Opens a file that somebody exported or kept by hand, CSV, XLSX or JSON, as rows of named cells, one at a time."""

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from providers.csv_rows import Parser, Row, encoding_of
from providers.imports import json_rows
from reconciler.errors import ConfigError

MAX_UNPACKED_BYTES = 512 * 1024 * 1024
"""An XLSX file is held in memory whole; a larger one, or a bomb, is refused."""

SAMPLE_ROWS = 200
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Table:
    """A file that can be read several times: its columns in lower case, and `rows()`, anew with each call."""

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    stamp: tuple[int, int]
    written_at: datetime

    def check_unchanged(self) -> None:
        """Raises ConfigError when somebody wrote to the file since it was opened."""
        if _stamp(self.path) != self.stamp:
            raise ConfigError(f"{self.path} was changed while it was read; import it again when it is complete")


def open_table(path: Path, encoding: str | None = None) -> Table:
    """The table in a file; its form is told from its first bytes. Raises ConfigError with one clear line."""
    with _one_line(path):
        with path.open("rb") as file:
            start = file.read(4)
        read = _xlsx if start == _ZIP else _json if json_rows.is_json(path, encoding) else _csv
        stamp, at = _stamp(path), datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def rows() -> Iterator[Row]:
        with _one_line(path):
            yield from read(path, encoding)

    columns: dict[str, None] = {}
    for row in islice(rows(), 1 if read is not _json else SAMPLE_ROWS):
        columns |= dict.fromkeys(row.cells)
    if not columns:
        columns = dict.fromkeys(_header_only(path, encoding) if read is _csv else ())
    if not columns:
        raise ConfigError(f"{path} is empty: there is nothing to import")
    return Table(path, tuple(columns), rows, stamp, at)


def _csv(path: Path, encoding: str | None) -> Iterator[Row]:
    used = encoding or encoding_of(path)
    with path.open(encoding=used, errors="surrogateescape", newline="") as file:
        parser = Parser(file)
        _check_header(path, parser.header)
        yield from parser


def _header_only(path: Path, encoding: str | None) -> tuple[str, ...]:
    with path.open(encoding=encoding or encoding_of(path), errors="surrogateescape", newline="") as file:
        return Parser(file).header


def _xlsx(path: Path, _encoding: str | None) -> Iterator[Row]:
    """The first sheet with anything in it."""
    from python_calamine import CalamineError, CalamineWorkbook

    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise ConfigError(f"{path} is too large for a spreadsheet; save it as CSV and import that")
    try:
        book = CalamineWorkbook.from_path(path)
        sheets = (book.get_sheet_by_index(number) for number in range(len(book.sheet_names)))
        lines = next((sheet.iter_rows() for sheet in sheets if sheet.height), iter(()))
    except CalamineError as error:
        raise ConfigError(f"{path} is no spreadsheet that can be read: {error}") from None
    header: tuple[str, ...] = ()
    for number, cells in enumerate(lines, 1):
        if not any(str(cell).strip() for cell in cells):
            continue
        if not header:
            header = tuple(str(cell).strip().lower() for cell in cells)
            _check_header(path, header)
        else:
            yield Row({name: cell for name, cell in zip(header, cells, strict=True) if name}, number=number)


def _json(path: Path, encoding: str | None) -> Iterator[Row]:
    return json_rows.rows(path, encoding)


def _check_header(path: Path, header: tuple[str, ...]) -> None:
    twice = next((name for place, name in enumerate(header) if name and name in header[:place]), None)
    if twice is not None:
        raise ConfigError(f"{path} has two columns named {twice!r}: rename one of them")


def _stamp(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except LookupError as error:
        raise ConfigError(f"--encoding: {error}; write it as in utf-8 or cp1251") from None
    except UnicodeError as error:
        raise ConfigError(
            f"{path} is not in that encoding ({error.reason if hasattr(error, 'reason') else error})"
        ) from None
    except zipfile.BadZipFile:
        raise ConfigError(f"{path} is no spreadsheet that can be read") from None
