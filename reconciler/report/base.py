"""What a report format is: a name, a file ending, and a pure function from the document and a language to bytes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.report import shown
from reconciler.report.document import Document
from reconciler.report.table import AMOUNT, COUNT, DAYS, PERCENT, TIME, WORD, Column, Row
from reconciler.words.voice import NOTHING, Voice

LISTINGS = ("new", "persisting", "resolved")
"""The three lists of findings in a document, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Format:
    """`render(document, language)` gives the same bytes for the same document and language, on any machine.

    Without `in_languages` every language has the same bytes.
    """

    name: str
    suffix: str
    render: Callable[[Document, str], bytes]
    in_languages: bool = True


def findings_of(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every finding of a document with the name of its list."""
    for listing in LISTINGS:
        for finding in document["findings"][listing]:
            yield listing, finding


def voice_of(document: Document, language: str) -> Voice:
    """How the report speaks: in a language, by the clock of the report's zone."""
    return Voice(language, ZoneInfo(document["timezone"]))


def name_of(document: Document, voice: Voice) -> str:
    """The report's name with its days: `Daily report, Sunday, 22 November 2026`."""
    return f"{voice.say('title.' + document['report'])}, {days_of(document, voice)}"


def days_of(document: Document, voice: Voice) -> str:
    """The days that a report is about, in words."""
    first, last = date.fromisoformat(document["day"]), date.fromisoformat(document["last_day"])
    if document["report"] == "day":
        return voice.day(first)
    if document["report"] == "month":
        return voice.day(first, "format.month")
    return f"{voice.day(first, 'format.date')} – {voice.day(last, 'format.date')}"


def heading(column: Column, voice: Voice) -> str:
    """What stands above a column."""
    named = voice.say(f"field.{column.name}")
    return f"{named}, {voice.currency(column.currency)}" if column.currency else named


def in_words(column: Column, row: Row, voice: Voice) -> str:
    """A cell as people read it."""
    value = column.of(row)
    if value is None or value == "":
        return NOTHING
    written: Callable[[Any], str] = {
        WORD: lambda name: voice.title(name) if column.words == "kind" else voice.say(f"{column.words}.{name}"),
        AMOUNT: lambda amount: voice.money(amount, column.currency or row["currency"]),
        TIME: voice.clock,
        COUNT: voice.count,
        PERCENT: lambda share: f"{voice.number(share)} %",
        DAYS: lambda days: days_left(days, voice),
    }.get(column.holds, shown.clean)
    return written(value)


def days_left(days: int, voice: Voice) -> str:
    """`3 days left`, `today`, `overdue`: in words, since a colour alone says nothing to some."""
    if days < 0:
        return voice.say("days.over")
    return voice.say("days.today") if days == 0 else voice.say("days.left", n=days)
