"""The report as an XLSX workbook: a sheet for each section, numbers as numbers, text never as a formula."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from reconciler.money import exponent
from reconciler.report import shown
from reconciler.report.base import Format, days_left, days_of, findings_of, heading, in_words, voice_of
from reconciler.report.document import Document, in_a_sentence
from reconciler.report.lines import ledgers
from reconciler.report.reader import for_reader
from reconciler.report.sections import Table, course, tables
from reconciler.report.story import story
from reconciler.report.table import AMOUNT, COUNT, DAYS, FINDINGS, PERCENT, TIME, WORD, Column, Row
from reconciler.words.voice import Voice

MAX_CELL = 32_767
MAX_DIGITS = 15
"""Spreadsheets keep 15 digits of a number; an amount that needs more is written as text rather than changed."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount for a cell; `currency` decides how many decimals are shown."""

    text: str
    currency: str


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading and width."""

    name: str
    width: int


class _Book:
    """A workbook being written, with the cell formats it has needed so far."""

    def __init__(self, document: Document, voice: Voice) -> None:
        self.voice = voice
        self.target = io.BytesIO()
        self.workbook = xlsxwriter.Workbook(self.target, {"in_memory": True, "strings_to_formulas": False})
        run_at = shown.parse(document["run_at"]).astimezone(UTC).replace(tzinfo=None)  # a fixed time keeps bytes equal
        self.workbook.set_properties({"created": run_at, "title": days_of(document, voice)})
        self.head = self.workbook.add_format({"bold": True, "bottom": 1})
        self.formats: dict[str, Any] = {}

    def local(self, text: str) -> datetime:
        """A time as the configured zone's clock shows it; spreadsheets know no zones."""
        return shown.parse(text).astimezone(self.voice.zone).replace(tzinfo=None, microsecond=0)

    def sheet(self, name: str, heads: Sequence[Head], rows: Iterable[Sequence[Any]]) -> None:
        """A sheet with a frozen heading that filters."""
        sheet = self.workbook.add_worksheet(name)
        for place, head in enumerate(heads):
            sheet.set_column(place, place, head.width)
            sheet.write_string(0, place, head.name, self.head)
        last = 0
        for last, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                self._cell(sheet, last, place, value)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, last, len(heads) - 1)

    def table(self, table: Table) -> None:
        """A section as a sheet."""
        heads = [self._head(column) for column in table.columns]
        rows = ([self._value(column, row) for column in table.columns] for row in table.rows)
        self.sheet(self.voice.say(f"sheet.{table.name}"), heads, rows)

    def close(self) -> bytes:
        """The finished file."""
        self.workbook.close()
        return self.target.getvalue()

    def _head(self, column: Column) -> Head:
        name = heading(column, self.voice)
        return Head(f"{name} ({self.voice.zone.key})" if column.holds == TIME else name, column.width)

    def _value(self, column: Column, row: Row) -> Any:
        value = column.of(row)
        if value is None or value == "":
            return None
        if column.holds == AMOUNT:
            return Amount(value, column.currency or row["currency"] or "")
        if column.holds == TIME:
            return self.local(value)
        if column.holds == PERCENT:
            return Decimal(value)
        if column.holds == DAYS:
            return days_left(value, self.voice)
        return in_words(column, row, self.voice) if column.holds == WORD else value

    def _cell(self, sheet: Any, row: int, place: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, Amount):
            self._amount(sheet, row, place, value)
        elif isinstance(value, datetime):
            sheet.write_datetime(row, place, value, self._format("yyyy-mm-dd hh:mm"))
        elif isinstance(value, Decimal):
            sheet.write_number(row, place, value, self._format("0.00"))
        elif isinstance(value, int):
            sheet.write_number(row, place, value, self._format("#,##0"))
        else:
            sheet.write_string(row, place, str(value)[:MAX_CELL])

    def _amount(self, sheet: Any, row: int, place: int, value: Amount) -> None:
        amount = Decimal(value.text)
        if len(amount.as_tuple().digits) > MAX_DIGITS:
            sheet.write_string(row, place, value.text)
            return
        places = exponent(value.currency)
        sheet.write_number(row, place, amount, self._format("#,##0" + ("." + "0" * places if places else "")))

    def _format(self, pattern: str) -> Any:
        if pattern not in self.formats:
            self.formats[pattern] = self.workbook.add_format({"num_format": pattern})
        return self.formats[pattern]


def render(document: Document, language: str) -> bytes:
    """The workbook: a summary, the statement, and a sheet for each section."""
    voice = voice_of(document, language)
    document = for_reader(document, voice)
    book = _Book(document, voice)
    say = voice.say
    summary = (Head(say("field.item"), 34), Head(say("field.value"), 90))
    book.sheet(say("sheet.summary"), summary, _summary(document, book))
    heads = [Head(say(f"field.{name}"), width) for name, width in _STATEMENT]
    book.sheet(say("sheet.statement"), heads, _statement(document, voice))
    book.table(_findings(document, voice))
    for table in (*tables(document), _feeds(document, voice), course(document)):
        book.table(table)
    return book.close()


_STATEMENT = (
    ("provider", 14),
    ("currency", 10),
    ("identity", 20),
    ("line", 34),
    ("sign", 6),
    ("count", 12),
    ("amount", 18),
    ("closes", 10),
)


def _summary(document: Document, book: _Book) -> Iterable[tuple[str, Any]]:
    voice = book.voice
    say = voice.say
    yield say("field.period"), days_of(document, voice)
    yield say("field.zone"), document["timezone"]
    yield say("field.run_at"), book.local(document["run_at"])
    yield say("field.verdict"), say(f"verdict.{document['verdict']}")
    sentence = in_a_sentence(voice, document["verdict"], document["severities"], document["statement"])
    yield say("field.in_words"), sentence
    for currency, amount in sorted(document["at_stake"].items()):
        yield f"{say('section.at_stake')}, {currency}", Amount(amount, currency)
    for listing, count in document["counts"].items():
        yield say(f"section.{listing}.{document['report']}"), count
    yield say("section.cases"), len(document["cases"])
    yield say("section.chargebacks"), len(document["chargebacks"])
    yield say("section.quarantine"), document["quarantined"]
    for problem in document["problems"]:
        yield say("field.problem"), problem
    if audit := document.get("audit"):
        yield say("field.audit"), audit["head"]


def _statement(document: Document, voice: Voice) -> Iterable[tuple[Any, ...]]:
    for books in document["statement"]:
        provider = voice.say(f"provider.{books['provider']}")
        for ledger in ledgers(books, voice):
            for line in ledger.lines:
                amount = Amount(line.amount, books["currency"])
                sign = "=" if line.total else line.sign
                holds = voice.say("yes" if ledger.holds else "no") if line.total else ""
                yield provider, books["currency"], ledger.title, line.label, sign, line.count, amount, holds


def _findings(document: Document, voice: Voice) -> Table:
    listing = Column("listing", width=16)
    rows = [
        {**finding, "explanation": story(finding, voice), "listing": voice.say(f"figure.{name}")}
        for name, finding in findings_of(document)
    ]
    return Table("findings", (listing, *FINDINGS), rows)


_FEEDS = (
    Column("name", width=26),
    Column("state", WORD, 14, "feed"),
    Column("complete_since", TIME, 30),
    Column("complete_until", TIME, 30),
    Column("last_success_at", TIME, 30),
    Column("age_minutes", COUNT, 16),
    Column("error", width=60),
    Column("gaps", width=60),
)


def _feeds(document: Document, voice: Voice) -> Table:
    rows = []
    for feed in document["feeds"]:
        gaps = (
            voice.say("feed.gap", since=voice.time(one["since"]), until=voice.time(one["until"]), reason=one["reason"])
            for one in feed["gaps"]
        )
        age = None if feed["age_s"] is None else feed["age_s"] // 60
        rows.append({**feed, "age_minutes": age, "gaps": "; ".join(gaps)})
    return Table("feeds", _FEEDS, rows)


FORMAT = Format("xlsx", ".xlsx", render)
