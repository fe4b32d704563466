"""The sections of a report that are tables: the same for a page, a workbook and a note, each drawn in its own way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.report.document import Document
from reconciler.report.table import AMOUNT, COUNT, DAYS, PERCENT, TIME, WORD, Column, Row, word


@dataclass(frozen=True, slots=True)
class Table:
    """A section's rows under its columns."""

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]

    @property
    def on_page(self) -> tuple[Column, ...]:
        """The columns that a page has room for, less those that say nothing in any row."""
        return tuple(
            one for one in self.columns if one.on_page and any(one.of(row) not in {None, ""} for row in self.rows)
        )


def _due_named(row: Row) -> str | None:
    """Who named the date: the provider, or nobody, so that the usual days are assumed."""
    return None if row["ended"] or not row["due_at"] else "provider" if row["due_given"] else "assumed"


_STAKE = (
    Column("currency", width=10, on_page=False),
    word("kind", "kind", 24),
    word("severity", "severity"),
    Column("findings", COUNT, 10),
    Column("amount", AMOUNT, 16),
)
_CASES = (
    Column("due_at", TIME, 18),
    Column("days_left", DAYS, 14),
    word("kind", "kind", 24),
    word("severity", "severity", on_page=False),
    Column("amount", AMOUNT, 14),
    Column("currency", width=10, on_page=False),
    word("recommendation", "advice", 24),
    Column("refundable_amount", AMOUNT, 18, on_page=False),
    Column("policy_clause", width=20, on_page=False),
    word("status", "case", 12, on_page=False),
    Column("owner", width=14),
    word("provider", "provider", on_page=False),
    Column("transaction_id", width=22),
    Column("order_id", on_page=False),
    Column("account_id", on_page=False),
    Column("because", width=80, on_page=False),
    Column("opened_at", TIME, 18, on_page=False),
    Column("id", width=15),
)
_CHARGEBACKS = (
    Column("due_at", TIME, 18),
    Column("days_left", DAYS, 14, value=lambda row: None if row["ended"] else row["days_left"]),
    Column("due_named", WORD, 20, "due_named", value=_due_named),
    word("state", "dispute", 14),
    word("stage", "stage", 18),
    Column("amount", AMOUNT, 14),
    Column("currency", width=10, on_page=False),
    Column("reason", width=12),
    word("provider", "provider"),
    Column("ref", width=22),
    Column("opened_at", TIME, 18),
    Column("id", on_page=False),
)
_RATIO = (
    Column("month", width=10),
    word("provider", "provider"),
    Column("currency", width=10),
    Column("charges", COUNT, 12),
    Column("chargebacks", COUNT, 12),
    Column("percent", PERCENT, 10),
    Column("limit_percent", PERCENT, 10),
    word("state", "ratio", 18),
)
_REFUNDS = (
    Column("occurred_at", TIME, 18),
    word("kind", "transaction"),
    Column("amount", AMOUNT, 14),
    Column("currency", width=10, on_page=False),
    word("provider", "provider"),
    Column("transaction_id", width=22),
    Column("approved_by", width=18),
)
_APPROVALS = (
    Column("recorded_at", TIME, 18),
    Column("amount", AMOUNT, 14),
    Column("currency", width=10, on_page=False),
    word("provider", "provider"),
    Column("transaction_id", width=22),
    Column("decided_by", width=18),
    Column("note", width=60),
)


def at_stake_table(document: Document) -> Table:
    """What is at stake, by currency and kind of finding: each sum leads to its findings."""
    sums: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for finding in (*document["findings"]["new"], *document["findings"]["persisting"]):
        if finding["amount"] is not None and finding["currency"]:
            key = (finding["currency"], finding["kind"], finding["severity"])
            count, amount = sums.get(key, (0, Decimal(0)))
            sums[key] = (count + 1, amount + Decimal(finding["amount"]))
    rows = [
        {"currency": currency, "kind": kind, "severity": severity, "findings": count, "amount": f"{amount:f}"}
        for (currency, kind, severity), (count, amount) in sorted(sums.items(), key=_largest_first)
    ]
    return Table("at_stake", _STAKE, rows)


def tables(document: Document) -> tuple[Table, ...]:
    """All sections that are tables, in the order in which they are shown."""
    return (
        at_stake_table(document),
        Table("cases", _CASES, document["cases"]),
        Table("chargebacks", _CHARGEBACKS, document["chargebacks"]),
        Table("ratio", _RATIO, document["ratio"]),
        Table("refunds", _REFUNDS, document["refunds"]),
        Table("approvals", _APPROVALS, document["approvals"]),
    )


def course(document: Document) -> Table:
    """The course of the last days: a row for each day, a column for each series."""
    trends = document["trends"]
    columns = [Column("day", width=12)]
    for name in ("received", "refunded", "at_stake"):
        columns += [_series(name, values, code) for code, values in trends[name].items()]
    columns += [_series(f"open_{severity}", values) for severity, values in reversed(trends["open"].items())]
    return Table("trends", tuple(columns), [{"day": day, "number": at} for at, day in enumerate(trends["days"])])


def _series(name: str, values: Sequence[Any], currency: str = "") -> Column:
    holds = AMOUNT if currency else COUNT
    return Column(name, holds, 18, value=lambda row: values[row["number"]], currency=currency)


def _largest_first(item: tuple[tuple[str, str, str], tuple[int, Decimal]]) -> tuple[str, Decimal, str]:
    (currency, kind, _), (_, amount) = item
    return currency, -amount, kind


def refund_sums(document: Document) -> dict[str, str]:
    """What went back in the period, by currency."""
    return {code: total["amount"] for code, total in document["refund_totals"].items()}


def refund_count(document: Document) -> int:
    """How many refunds and chargebacks went back in the period."""
    return sum(total["count"] for total in document["refund_totals"].values())


def overdue(cases: Iterable[Row]) -> int:
    """How many of the cases are past their due date."""
    return sum(case["due_state"] == "overdue" for case in cases)
