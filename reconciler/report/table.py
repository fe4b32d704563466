"""The findings of a report as a flat table, shared by the formats that have rows and columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.report.shown import joined

Finding = Mapping[str, Any]
TEXT, AMOUNT, TIME = "text", "amount", "time"

_CONTROLS = ("\t", "\r", "\n", "\0")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # spreadsheets take the full-width forms for formulas too


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the findings table: its name, what it holds, and how it is taken from a finding."""

    name: str
    holds: str
    value: Callable[[Finding], str | None]
    width: int = 16


def _plain(name: str, holds: str = TEXT, width: int = 16) -> Column:
    return Column(name, holds, lambda finding: finding[name], width)


def _list(name: str) -> Column:
    return Column(name, TEXT, lambda finding: joined(finding[name]), 22)


def _differences(finding: Finding) -> str:
    return "; ".join(f"{one['field']}: {one['provider']} / {one['shop']}" for one in finding["differences"])


COLUMNS = (
    _plain("id", width=19),
    _plain("kind", width=22),
    _plain("severity", width=10),
    _plain("status", width=10),
    _plain("provider", width=12),
    _list("transaction_ids"),
    _list("related_transaction_ids"),
    _plain("order_id"),
    _plain("account_id"),
    _plain("amount", AMOUNT, 14),
    _plain("currency", width=10),
    _plain("reason", width=18),
    _plain("policy_clause", width=18),
    _plain("recommendation"),
    _plain("refundable_amount", AMOUNT, 18),
    _plain("explanation", width=80),
    Column("differences", TEXT, _differences, 40),
    _plain("first_seen_at", TIME, 18),
    _plain("last_seen_at", TIME, 18),
    _plain("resolved_at", TIME, 18),
    _plain("case_id", width=12),
)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: what looks like one gets an apostrophe in front."""
    dangerous = text.startswith(_CONTROLS) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if dangerous else text
