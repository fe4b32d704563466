"""The report as one HTML file that needs nothing else: opened from disk, in mail, on a phone, in the dark, on paper."""

from functools import cache
from typing import Any

import jinja2

from reconciler.report import shown
from reconciler.report.base import Format, voice_of
from reconciler.report.document import Document
from reconciler.report.page import view
from reconciler.report.reader import for_reader


def render(document: Document, language: str) -> bytes:
    """The page in UTF-8, its style and pictures inside, without scripts and without anything to load."""
    voice = voice_of(document, language)
    page = templates().get_template("report.html.j2").render(view(for_reader(document, voice), voice))
    return page.encode()


@cache
def templates() -> jinja2.Environment:
    """The templates, which show text of others as text: escaped, and with its invisible characters written out."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _visible(value: Any) -> Any:
    return shown.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


FORMAT = Format("html", ".html", render)
