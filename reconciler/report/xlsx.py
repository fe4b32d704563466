"""The report as an XLSX workbook: a sheet for each section, numbers as numbers, text never as a formula."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from reconciler.money import exponent
from reconciler.report import shown
from reconciler.report.base import Format, findings_of
from reconciler.report.document import Document
from reconciler.report.lines import ledgers
from reconciler.report.table import AMOUNT, COLUMNS, TIME
from reconciler.report.texts import say

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

    def __init__(self, document: Document) -> None:
        self.zone = ZoneInfo(document["timezone"])
        self.target = io.BytesIO()
        self.workbook = xlsxwriter.Workbook(self.target, {"in_memory": True, "strings_to_formulas": False})
        run_at = shown.parse(document["run_at"]).astimezone(UTC).replace(tzinfo=None)  # a fixed time keeps bytes equal
        self.workbook.set_properties({"created": run_at, "title": say("title")})
        self.head = self.workbook.add_format({"bold": True, "bottom": 1})
        self.formats: dict[str, Any] = {}

    def local(self, text: str) -> datetime:
        """A time as the configured zone's clock shows it; spreadsheets know no zones."""
        return shown.parse(text).astimezone(self.zone).replace(tzinfo=None, microsecond=0)

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

    def close(self) -> bytes:
        """The finished file."""
        self.workbook.close()
        return self.target.getvalue()

    def _cell(self, sheet: Any, row: int, place: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, Amount):
            self._amount(sheet, row, place, value)
        elif isinstance(value, datetime):
            sheet.write_datetime(row, place, value, self._format("yyyy-mm-dd hh:mm"))
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


def render(document: Document) -> bytes:
    """The workbook: summary, statement, findings, feeds."""
    book = _Book(document)
    book.sheet("Summary", (Head("Item", 30), Head("Value", 90)), _summary(document))
    book.sheet("Statement", _STATEMENT, _statement(document))
    book.sheet("Findings", _findings_heads(document["timezone"]), _findings(book, document))
    book.sheet("Feeds", _feeds_heads(document["timezone"]), _feeds(book, document))
    return book.close()


_STATEMENT = (
    Head("Provider", 14),
    Head("Currency", 10),
    Head("Identity", 14),
    Head("Line", 34),
    Head("Sign", 6),
    Head("Count", 12),
    Head("Amount", 18),
    Head("Closes", 8),
)


def _summary(document: Document) -> Iterable[tuple[str, Any]]:
    yield "Day", document["day"]
    yield "Zone", document["timezone"]
    yield "Run finished (UTC)", document["run_at"]
    yield "Verdict", say(f"verdict.{document['verdict']}")
    yield "In words", document["sentence"]
    for currency, amount in sorted(document["at_stake"].items()):
        yield f"At stake, {currency}", Amount(amount, currency)
    for listing, count in document["counts"].items():
        yield say(f"section.{listing}"), count
    yield "In quarantine", document["quarantined"]
    for problem in document["problems"]:
        yield "Problem", problem


def _statement(document: Document) -> Iterable[tuple[Any, ...]]:
    for books in document["statement"]:
        for ledger in ledgers(books):
            for line in ledger.lines:
                amount = Amount(line.amount, books["currency"])
                sign = "=" if line.total else line.sign
                holds = ("yes" if ledger.holds else "no") if line.total else ""
                yield books["provider"], books["currency"], ledger.title, line.label, sign, line.count, amount, holds


def _findings_heads(zone: str) -> tuple[Head, ...]:
    named = (Head(f"{one.name} ({zone})" if one.holds == TIME else one.name, one.width) for one in COLUMNS)
    return (Head("listing", 12), *named)


def _findings(book: _Book, document: Document) -> Iterable[list[Any]]:
    for listing, finding in findings_of(document):
        row: list[Any] = [listing]
        for column in COLUMNS:
            value = column.value(finding)
            if value and column.holds == AMOUNT:
                row.append(Amount(value, finding["currency"] or ""))
            else:
                row.append(book.local(value) if value and column.holds == TIME else value)
        yield row


def _feeds_heads(zone: str) -> tuple[Head, ...]:
    times = (Head(f"{name} ({zone})", 30) for name in ("Complete since", "Complete until", "Last success"))
    return (Head("Feed", 26), Head("State", 14), *times, Head("Error", 60), Head("Gaps", 60))


def _feeds(book: _Book, document: Document) -> Iterable[list[Any]]:
    for feed in document["feeds"]:
        times = [feed[name] and book.local(feed[name]) for name in ("complete_since", "complete_until")]
        success = feed["last_success_at"] and book.local(feed["last_success_at"])
        gaps = "; ".join(f"{gap['since']} to {gap['until']}: {gap['reason']}" for gap in feed["gaps"])
        yield [feed["name"], say(f"feed.{feed['state']}"), *times, success, feed["error"], gaps]


FORMAT = Format("xlsx", ".xlsx", render)
