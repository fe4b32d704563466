"""The report as one HTML file that needs nothing else: it opens from disk, on a phone, on a desk, on paper."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from reconciler.report import shown
from reconciler.report.base import LISTINGS, Format
from reconciler.report.document import Document, at_stake, by_kind
from reconciler.report.lines import identity, ledgers
from reconciler.report.texts import KINDS, say, title

PER_KIND = 200
"""Findings of one kind that a page lists; the rest are counted, and named in the other formats."""
FEW_BOOKS = 2
"""So many books (provider and currency) are shown unfolded, and always those that do not close."""
OPEN_UP_TO = 12
"""A kind with at most so many findings is shown unfolded."""


def render(document: Document) -> bytes:
    """The page in UTF-8, its style inside, without scripts and without anything to load."""
    zone = ZoneInfo(document["timezone"])
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(say=say, money=shown.money, number=shown.number, joined=shown.joined)
    environment.globals.update(age=shown.age, time=lambda text: shown.time(text, zone), nothing=shown.NOTHING)
    return environment.get_template("report.html.j2").render(_view(document)).encode()


def _visible(value: Any) -> Any:
    return shown.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _view(document: Document) -> dict[str, Any]:
    """What the template shows, prepared so that it decides nothing."""
    day = date.fromisoformat(document["day"])
    return {
        "report": document,
        "day": f"{day:%A}, {day.day} {day:%B %Y}",
        "books": [_books(books, few=len(document["statement"]) <= FEW_BOOKS) for books in document["statement"]],
        "sections": [_section(name, document["findings"][name]) for name in LISTINGS],
    }


def _books(books: Mapping[str, Any], *, few: bool) -> dict[str, Any]:
    return {
        **books,
        "ledgers": ledgers(books),
        "identity": identity(books),
        "unfolded": few or not books["closes"],
    }


def _section(name: str, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    groups = [_group(kind, rows, done=name == "resolved") for kind, rows in by_kind(findings)]
    return {"name": name, "count": len(findings), "groups": groups}


def _group(kind: str, findings: Sequence[Mapping[str, Any]], *, done: bool) -> dict[str, Any]:
    return {
        "title": title(kind),
        "meaning": KINDS[kind][1] if kind in KINDS else "",
        "tone": "done" if done else findings[0]["severity"],
        "badge": say("status.resolved") if done else say(f"severity.{findings[0]['severity']}"),
        "count": len(findings),
        "stake": shown.sums(at_stake(findings)),
        "open": len(findings) <= OPEN_UP_TO,
        "findings": findings[:PER_KIND],
        "more": max(0, len(findings) - PER_KIND),
    }


FORMAT = Format("html", ".html", render)
