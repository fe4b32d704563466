"""The report as one HTML file that needs nothing else: opened from disk, in mail, on a phone, in the dark, on paper."""

from reconciler.report.base import Format, voice_of
from reconciler.report.document import Document
from reconciler.report.environment import templates
from reconciler.report.page import view
from reconciler.report.reader import for_reader


def render(document: Document, language: str) -> bytes:
    """The page in UTF-8, its style and pictures inside, without scripts and without anything to load."""
    voice = voice_of(document, language)
    page = templates().get_template("report.html.j2").render(view(for_reader(document, voice), voice))
    return page.encode()


FORMAT = Format("html", ".html", render)
