"""The report as JSON: the document in every language alike, with e-mail addresses masked."""

import json

from reconciler.report.base import Format
from reconciler.report.document import Document
from reconciler.report.reader import without_addresses


def render(document: Document, language: str) -> bytes:
    """One JSON object in UTF-8."""
    return (json.dumps(without_addresses(document), ensure_ascii=False, indent=2) + "\n").encode()


FORMAT = Format("json", ".json", render, in_languages=False)
