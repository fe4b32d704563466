"""The audit chain: each record carries a hash over itself and all records before it, so a change anywhere shows."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What stands in the place of the hash before the first record."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened: what kind, to what, by whom. `data` is canonical JSON; `hash` covers all before it."""

    number: int
    at: datetime
    kind: str
    subject: str
    actor: str
    data: str
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain does not hold, and how it shows."""

    number: int
    reason: str


def canonical(value: Mapping[str, Any]) -> str:
    """The one text of a JSON object: sorted keys, no spaces, ASCII. Raises TypeError for what is no JSON, ValueError
    for NaN and its like."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def chained(previous: Record | None, at: datetime, kind: str, subject: str, actor: str, data: str) -> Record:
    """The record that follows `previous` (None: the first one)."""
    number = previous.number + 1 if previous else 1
    said = {
        "number": number,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": kind,
        "subject": subject,
        "actor": actor,
        "data": data,
    }
    text = (previous.hash if previous else GENESIS) + canonical(said)
    return Record(number, at, kind, subject, actor, data, hashlib.sha256(text.encode()).hexdigest())


def first_broken(records: Iterable[Record], head: str | None = None) -> Broken | None:
    """The first record that does not follow from those before it, or None when all do.

    `records` come in the order of their numbers. A cut tail leaves a chain that holds: it is found by `head`, the hash
    of a record that is known to have been there.
    """
    previous: Record | None = None
    head_seen = head is None
    for record in records:
        expected = chained(previous, record.at, record.kind, record.subject, record.actor, record.data)
        if record.number != expected.number:
            return Broken(expected.number, f"it is missing: record {record.number} comes in its place")
        if record.hash != expected.hash:
            return Broken(record.number, "its content is not what was written, or a record before it was exchanged")
        head_seen = head_seen or record.hash == head
        previous = record
    if head_seen:
        return None
    last = previous.number if previous else 0
    return Broken(last + 1, "the chain ends before the record of the given head: its tail was cut off")
