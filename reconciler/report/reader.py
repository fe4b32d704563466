"""A report's document as its reader gets it: our sentences in his language, e-mail addresses of buyers masked."""

from collections.abc import Mapping
from typing import Any

from reconciler.access import masked
from reconciler.report.document import Document
from reconciler.words.voice import Voice

Row = Mapping[str, Any]


def for_reader(document: Document, voice: Voice) -> Document:
    """The document with everything that the program wrote said by `voice`; a report may reach any mailbox."""
    hidden = without_addresses(document)

    def said(text: str | None) -> str | None:
        return text and voice.sentence(text)

    return {
        **hidden,
        "problems": [said(one) for one in document["problems"]],
        "statement": [{**books, "broken": [said(one) for one in books["broken"]]} for books in document["statement"]],
        "cases": [{**case, "because": said(case["because"])} for case in hidden["cases"]],
        "feeds": [
            {
                **feed,
                "error": said(feed["error"]),
                "gaps": [{**gap, "reason": said(gap["reason"])} for gap in feed["gaps"]],
            }
            for feed in document["feeds"]
        ],
    }


def without_addresses(document: Document) -> Document:
    """The document with every e-mail address in its free texts masked, as viewers of the dashboard see them."""
    return {
        **document,
        "findings": {name: [_finding(one) for one in rows] for name, rows in document["findings"].items()},
        "cases": [{**case, "because": masked(case["because"] or "")} for case in document["cases"]],
        "approvals": [{**one, "note": masked(one["note"] or "")} for one in document["approvals"]],
    }


def _finding(finding: Row) -> dict[str, Any]:
    sides = [
        {**one, "provider": _hidden(one["provider"]), "shop": _hidden(one["shop"])} for one in finding["differences"]
    ]
    return {**finding, "explanation": masked(finding["explanation"]), "differences": sides}


def _hidden(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value
