"""Rows set aside in a temporary file, so that the shop's database is let go before anything is done with them."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, TypeVar

from reconciler.errors import Retryable

MEMORY_BYTES = 4 * 1024 * 1024
"""Up to this size nothing reaches the disk."""

CHUNK = 500
T = TypeVar("T")


def spooled(items: Iterable[T]) -> Iterator[T]:
    """Read all `items` first, then yield them: the memory stays flat, and the source is closed at once.

    A reader that lingers blocks the writers of a SQLite shop and holds back the vacuum of a PostgreSQL one. Raises
    Retryable when there is no room for the file.
    """
    with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as file:
        chunks = _write(file, iter(items))
        file.seek(0)
        for _ in range(chunks):
            yield from pickle.load(file)  # noqa: S301 - written by this very call, in a file without a name


def _write(file: IO[bytes], items: Iterator[T]) -> int:
    chunks = 0
    while chunk := list(islice(items, CHUNK)):
        try:
            pickle.dump(chunk, file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise Retryable(f"no room to set the shop's rows aside ({error}): free space for temporary files") from None
        chunks += 1
    return chunks
