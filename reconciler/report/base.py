"""What a report format is: a name, a file ending, and a pure function from the document to bytes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.report.document import Document

LISTINGS = ("new", "persisting", "resolved")
"""The three lists of findings in a document, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Format:
    """`render` gives the same bytes for the same document, on any machine."""

    name: str
    suffix: str
    render: Callable[[Document], bytes]


def findings_of(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every finding of a document with the name of its list."""
    for listing in LISTINGS:
        for finding in document["findings"][listing]:
            yield listing, finding
