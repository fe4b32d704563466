"""Reads what an outbox entry for an address asks for: a message, a change of one, or a document."""

import json
from dataclasses import dataclass

from reconciler.alerts.limits import Act


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done. `message` is the one to change; `held_back` says that the limit put alerts together."""

    act: Act
    severity: str = "info"
    message: str | None = None
    held_back: bool = False
    repeated: bool = False
    resolved: bool = False
    subject: str = ""
    text: str = ""
    files: tuple[str, ...] = ()


def task(body: str) -> Task:
    """The task of an entry's body."""
    said = json.loads(body)
    return Task(**{**said, "files": tuple(said.get("files", ()))})


def document(subject: str, text: str, files: tuple[str, ...]) -> str:
    """The body of an entry that sends a document; `files` are paths."""
    said = {"act": "document", "subject": subject, "text": text, "files": list(files)}
    return json.dumps(said, ensure_ascii=False, sort_keys=True)
