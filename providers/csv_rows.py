"""CSV files read line by line, whatever their encoding and delimiter; a broken line spoils only itself."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

DELIMITERS = (",", ";", "\t")
CHUNK_BYTES = 1024 * 1024
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Row:
    """A row by lower-case column name. `fault` says why its columns cannot be trusted; `number` is its first line."""

    cells: Mapping[str, Any]
    fault: str = ""
    number: int = 0


class Parser:
    """The rows of a file. A line that breaks the form is given as a row with a fault, and the next line is tried."""

    def __init__(self, file: IO[str]) -> None:
        """Read the header; `header` is empty when the file begins with nothing."""
        first = file.readline()
        self._delimiter = max(DELIMITERS, key=first.count)
        cells = next(csv.reader([first], delimiter=self._delimiter)) if first.strip() else []
        self.titles = tuple(name.strip() for name in cells)
        self.header = tuple(name.lower() for name in self.titles)
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
                yield Row(dict(zip(self.header, cells, strict=True)), number=self._lines.first_number)
            else:
                yield self._broken(f"the row has {len(cells)} cells, the header {len(self.header)}")

    def _broken(self, fault: str) -> Row:
        number = self._lines.first_number
        line = self._lines.keep_first().strip("\r\n")
        cells = [cell.strip('"') for cell in line.split(self._delimiter)]
        return Row(dict(zip(self.header, cells, strict=False)), fault, number)


class _Lines:
    """The lines of a file after its header; those of the row in hand can be given again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._number = 1
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self._number += 1
        self.taken.append(line)
        return line

    @property
    def first_number(self) -> int:
        """The number, from 1, of the first line of the row in hand."""
        return self._number - len(self.taken) + 1

    def keep_first(self) -> str:
        """The first line of the row in hand; its other lines come again as rows of their own."""
        self._number -= len(self.taken) - 1
        self._again.extendleft(reversed(self.taken[1:]))
        return self.taken[0]


def encoding_of(path: Path) -> str:
    """UTF-16 where a mark says so; UTF-8 (with or without a mark) if the whole file is that, else cp1251.

    A character cut off at the end does not make it another encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        if file.read(2) in _UTF_16:
            return "utf-16"
        file.seek(0)
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1251"
    return "utf-8-sig"
