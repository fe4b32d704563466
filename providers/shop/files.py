"""The shop's ledger as a folder of CSV files, read line by line, whatever their encoding and delimiter."""

import codecs
import csv
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from providers.base import Check
from providers.shop import rights
from providers.shop.reader import is_older, usable
from providers.shop.rows import ACCOUNTS, ORDERS, PAYMENTS, Row, Shape
from reconciler.errors import NeedsOperator, Retryable

DELIMITERS = (",", ";", "\t")
CHUNK_BYTES = 1024 * 1024


class Folder:
    """A `Reader` over `orders.csv`, `accounts.csv` and `payments.csv` in one directory."""

    zoneless = False

    def __init__(self, directory: str) -> None:
        """Take the directory; nothing is opened."""
        self._directory = Path(directory)

    def where(self, shape: Shape) -> str:
        """The file's path."""
        return f"file {self._path(shape)}"

    def columns(self, shape: Shape) -> tuple[str, ...] | None:
        """See `Reader.columns`."""
        with self._opened(shape) as file:
            return None if file is None else _Parser(file, self.where(shape)).header

    def rows(self, shape: Shape, since: datetime | None = None, limit: int | None = None) -> Iterator[Row]:
        """See `Reader.rows`. Raises Retryable at the end when the file was changed meanwhile."""
        with self._opened(shape) as file:
            parser = None if file is None else _Parser(file, self.where(shape))
            if not usable(shape, parser.header if parser else None, self.where(shape)) or parser is None:
                return
            for row in islice(parser, limit):
                if since is None or row.fault or not is_older(row.cells, since, zoneless=False):
                    yield row

    def rights(self) -> Iterator[Check]:
        """See `Reader.rights`."""
        there = [path for path in map(self._path, (ORDERS, ACCOUNTS, PAYMENTS)) if path.exists()]
        there.sort(key=lambda path: not os.access(path, os.W_OK))
        if there:
            yield rights.of_file(there[0], "the shop's file")

    def _path(self, shape: Shape) -> Path:
        return self._directory / f"{shape.name}.csv"

    @contextmanager
    def _opened(self, shape: Shape) -> Iterator[IO[str] | None]:
        path = self._path(shape)
        if not self._directory.is_dir():
            raise NeedsOperator(f"the shop's folder {self._directory} is not there: check [shop] directory")
        if not path.exists():
            yield None
            return
        try:
            with path.open(encoding=_encoding(path), errors="surrogateescape", newline="") as file:
                before = os.fstat(file.fileno())
                yield file
                after = os.fstat(file.fileno())
        except PermissionError:
            raise NeedsOperator(
                f"the shop's file {path} may not be read: give this user the right to read it"
            ) from None
        except OSError as error:
            raise Retryable(f"the shop's file {path} cannot be read now: {error.strerror}; check the disk") from None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise Retryable(f"the shop's file {path} was changed while it was read: write it elsewhere, then rename it")


class _Lines:
    """The lines of a file; those of the row in hand can be given again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.taken.append(line)
        return line

    def keep_first(self) -> str:
        """The first line of the row in hand; its other lines come again as rows of their own."""
        self._again.extendleft(reversed(self.taken[1:]))
        return self.taken[0]


class _Parser:
    """Rows by column name. A line that breaks the form is given as a row with a fault, and the next line is tried."""

    def __init__(self, file: IO[str], where: str) -> None:
        first = file.readline()
        if not first.strip():
            raise Retryable(f"the shop's {where} is empty: it may be just being written, else export it again")
        self._delimiter = max(DELIMITERS, key=first.count)
        cells = next(csv.reader([first], delimiter=self._delimiter))
        self.header = tuple(name.strip().lower() for name in cells)
        self._lines = _Lines(file)

    def __iter__(self) -> Iterator[Row]:
        reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        while True:
            self._lines.taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(f"the row is no CSV ({error})")
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) == len(self.header):
                yield Row(dict(zip(self.header, cells, strict=True)))
            else:
                yield self._broken(f"the row has {len(cells)} cells, the header {len(self.header)}")

    def _broken(self, fault: str) -> Row:
        line = self._lines.keep_first().strip("\r\n")
        cells = [cell.strip('"') for cell in line.split(self._delimiter)]
        return Row(dict(zip(self.header, cells, strict=False)), fault)


def _encoding(path: Path) -> str:
    """UTF-8 (with or without a mark) if the whole file is that, else cp1251; a character cut off at the end is none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1251"
    return "utf-8-sig"
