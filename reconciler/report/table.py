"""What a report's tables have for columns, shared by the formats that have rows and columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.report.shown import joined

Row = Mapping[str, Any]
TEXT, WORD, AMOUNT, TIME, COUNT, PERCENT, DAYS = "text", "word", "amount", "time", "count", "percent", "days"
"""Text of others, a word of ours (with its own text in each language), money, a time, a number, a share, days left."""
NUMBERS = (AMOUNT, COUNT, PERCENT)

_CONTROLS = ("\t", "\r", "\n", "\0")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # spreadsheets take the full-width forms for formulas too


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it is called, what it holds, and how it is taken from a row.

    `words` is where the texts of its words are; an amount is in `currency`, else in the row's `currency`. A page has
    room for the columns that are `on_page`, a sheet for all of them.
    """

    name: str
    holds: str = TEXT
    width: int = 16
    words: str = ""
    value: Callable[[Row], Any] | None = None
    on_page: bool = True
    currency: str = ""

    def of(self, row: Row) -> Any:
        """Its value in a row."""
        return row[self.name] if self.value is None else self.value(row)


def word(name: str, words: str, width: int = 14, *, on_page: bool = True) -> Column:
    """A column of words that each language has texts for."""
    return Column(name, WORD, width, words, on_page=on_page)


def _list(name: str) -> Column:
    return Column(name, TEXT, 22, value=lambda row: joined(row[name]))


def _differences(finding: Row) -> str:
    return "; ".join(f"{one['field']}: {one['provider']} / {one['shop']}" for one in finding["differences"])


FINDINGS = (
    Column("id", width=19),
    word("kind", "kind", 22),
    word("severity", "severity", 12),
    word("status", "status", 12),
    word("provider", "provider"),
    _list("transaction_ids"),
    _list("related_transaction_ids"),
    Column("order_id"),
    Column("account_id"),
    Column("amount", AMOUNT, 14),
    Column("currency", width=10),
    Column("reason", width=18),
    Column("policy_clause", width=18),
    word("recommendation", "advice", 22),
    Column("refundable_amount", AMOUNT, 18),
    Column("explanation", width=80),
    Column("differences", width=40, value=_differences),
    Column("first_seen_at", TIME, 18),
    Column("last_seen_at", TIME, 18),
    Column("resolved_at", TIME, 18),
    Column("case_id", width=14),
)
"""The columns of findings, by the names of the contract (section 4)."""


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: what looks like one gets an apostrophe in front."""
    dangerous = text.startswith(_CONTROLS) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if dangerous else text
