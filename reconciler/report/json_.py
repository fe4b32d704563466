"""The report as JSON: the document as it is, in every language alike."""

import json

from reconciler.report.base import Format
from reconciler.report.document import Document


def render(document: Document, language: str) -> bytes:
    """One JSON object in UTF-8."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


FORMAT = Format("json", ".json", render, in_languages=False)
