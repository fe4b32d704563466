"""The shop's ledger as a folder of CSV files, read line by line, whatever their encoding and delimiter."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from providers.base import Check
from providers.csv_rows import Parser, Row, encoding_of
from providers.shop import rights
from providers.shop.reader import is_older, usable
from providers.shop.rows import ACCOUNTS, ORDERS, PAYMENTS, Shape
from reconciler.errors import NeedsOperator, Retryable


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
            return None if file is None else self._parser(file, shape).header

    def rows(self, shape: Shape, since: datetime | None = None, limit: int | None = None) -> Iterator[Row]:
        """See `Reader.rows`. Raises Retryable at the end when the file was changed meanwhile."""
        with self._opened(shape) as file:
            parser = None if file is None else self._parser(file, shape)
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

    def _parser(self, file: IO[str], shape: Shape) -> Parser:
        parser = Parser(file)
        if not parser.header:
            where = self.where(shape)
            raise Retryable(f"the shop's {where} is empty: it may be just being written, else export it again")
        return parser

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
            with path.open(encoding=encoding_of(path), errors="surrogateescape", newline="") as file:
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
