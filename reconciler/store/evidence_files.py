"""Copies what buyers send beside the store, and writes evidence packets as folder and ZIP."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import BadRecord
from reconciler.report.evidence import render
from reconciler.settings import Settings

MAX_BYTES = 25 * 1024 * 1024
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in a ZIP: the same facts give the same bytes."""


def directory(settings: Settings) -> Path:
    """Where buyers' files are kept: `evidence` beside the folder of reports."""
    return Path(settings.report.directory).parent / "evidence"


def keep_contents(settings: Settings, files: Iterable[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """Keep files that came in another way than by their paths, all or none of them. Raises BadRecord."""
    given = list(files)
    for name, content in given:
        _check(f"evidence {name}", len(content))
    return [_stored(directory(settings), name, content) for name, content in given]


def keep(settings: Settings, files: Iterable[Path]) -> list[dict[str, Any]]:
    """Copy files under the digest of their content, all or none of them; returns name, file and digest of each.

    Raises BadRecord.
    """
    given = [(path.name, _content(path)) for path in files]
    return [_stored(directory(settings), name, content) for name, content in given]


def _content(path: Path) -> bytes:
    try:
        _check(f"--evidence {path}", path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise BadRecord(f"--evidence {path}: this file cannot be read: {error.strerror}") from None


def _check(what: str, size: int) -> None:
    if size > MAX_BYTES:
        raise BadRecord(f"{what}: more than {MAX_BYTES // 1024 // 1024} MB; send the part that matters")


def _stored(folder: Path, original: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    name = f"{digest[:16]}-{plain(original)}"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    if not target.exists():
        partial = folder / f".{name}.part"
        partial.write_bytes(content)
        partial.replace(target)
    return {"name": original, "file": name, "sha256": digest}


def plain(name: str) -> str:
    """A file name that is harmless on every system."""
    return _PLAIN.sub("_", name).lstrip(".")[-80:] or "file"


def write(settings: Settings, packet: Mapping[str, Any], out: Path) -> tuple[Path, Path, list[str]]:
    """Write a packet into a folder of its own under `out`, and the same as a ZIP beside it.

    Returns both, and what is missing: a buyer's file that is not where it was kept is named too.
    """
    whole = _with_lost(settings, packet)
    folder, archive = out / name_of(packet), out / f"{name_of(packet)}.zip"
    for inside, content in _contents(settings, whole):
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    archive.write_bytes(zipped(settings, packet))
    return folder, archive, whole["missing"]


def _with_lost(settings: Settings, packet: Mapping[str, Any]) -> dict[str, Any]:
    folder = directory(settings)
    lost = [
        f"the buyer's file {one['name']}: it is not in {folder.name} any more"
        for one in packet["correspondence"]["files"]
        if not (folder / one["file"]).exists()
    ]
    return {**packet, "missing": [*packet["missing"], *lost]}


def name_of(packet: Mapping[str, Any]) -> str:
    """What folder and ZIP of a packet are called."""
    return f"evidence-{packet['chargeback']['id']}"


def zipped(settings: Settings, packet: Mapping[str, Any]) -> bytes:
    """A packet as a ZIP: the same facts give the same bytes."""
    whole, target = _with_lost(settings, packet), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for inside, content in sorted(_contents(settings, whole)):
            packed.writestr(zipfile.ZipInfo(f"{name_of(packet)}/{inside}", _EPOCH), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _contents(settings: Settings, packet: Mapping[str, Any]) -> Iterable[tuple[str, bytes]]:
    yield "summary.html", render(packet)
    yield "facts.json", json.dumps(packet, ensure_ascii=False, indent=2, sort_keys=True).encode()
    for one in packet["correspondence"]["files"]:
        path = directory(settings) / one["file"]
        if path.exists():
            yield f"files/{one['file']}", path.read_bytes()
    policy = packet["policy"].get("document")
    if policy:
        yield "policy.txt", policy.encode()
