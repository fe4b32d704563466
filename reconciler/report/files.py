"""Writes reports to disk so that a reader sees the old file or the whole new one, never a part."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reconciler.report import FORMATS, Format
from reconciler.report.document import Document

DAILY = ("html", "json")
"""The formats that every run writes."""


def write(document: Document, directory: Path, names: Iterable[str] = DAILY) -> dict[str, str]:
    """Write a document as `report-<day>.<ending>` into `directory`; returns the paths by format.

    Raises OSError when the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name in names:
        form = named(name)
        path = directory / f"report-{document['day']}{form.suffix}"
        replace(path, form.render(document))
        paths[name] = str(path)
    return paths


def named(name: str) -> Format:
    """The format of that name; raises KeyError for one that is not there."""
    return {form.name: form for form in FORMATS}[name]


def replace(path: Path, body: bytes) -> None:
    """Put a whole file in place of what was there, readable for its owner and group. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o640)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
