"""The statement as ledgers: the parts of each identity above the sum that they have to come to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.report.texts import say

Books = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `sign` is `+`, `-` or empty; `total` marks the sum."""

    label: str
    count: int
    amount: str
    sign: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """The lines of one identity; `holds` is whether they add up, in count and in money."""

    name: str
    lines: tuple[Line, ...]
    holds: bool

    @property
    def title(self) -> str:
        """What the identity is about."""
        return say(f"ledger.{self.name}")

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it at all."""
        return all(line.count == 0 for line in self.lines)


def ledgers(books: Books) -> tuple[Ledger, ...]:
    """The three identities of one provider and currency."""
    return (
        _ledger("charges", tuple(_charges(books["charges"]))),
        _ledger("open_items", tuple(_open_items(books["open_items"]))),
        _ledger("reversals", tuple(_reversals(books["reversals"]))),
    )


def identity(books: Books) -> str:
    """The first identity in one line: what came in, and where it is now."""
    charges = books["charges"]
    return say(
        "identity",
        sign="=" if _ledger("charges", tuple(_charges(charges))).holds else "≠",
        received=f"{charges['received']['count']:,}",
        matched=f"{charges['matched']['count']:,}",
        open=f"{charges['open']['count']:,}",
        excluded=f"{sum(total['count'] for total in charges['excluded'].values()):,}",
    )


def _charges(charges: Books) -> Iterator[Line]:
    yield _line("line.matched", charges["matched"], "+")
    yield _line("line.open", charges["open"], "+")
    for name, total in charges["excluded"].items():
        if total["count"]:
            label = say("line.excluded", reason=say(f"excluded.{name}"))
            yield Line(label, total["count"], total["amount"], "+")
    yield _line("line.received", charges["received"], total=True)


def _open_items(items: Books) -> Iterator[Line]:
    yield _line("line.start", items["start"], "+")
    yield _line("line.opened", items["opened"], "+")
    yield _line("line.closed", items["closed"], "-")
    yield _line("line.end", items["end"], total=True)


def _reversals(reversals: Books) -> Iterator[Line]:
    for name in ("explained", "suspected", "confirmed"):
        yield _line(f"line.{name}", reversals[name], "+")
    yield _line("line.received", reversals["received"], total=True)


def _line(key: str, sum_: Books, sign: str = "", *, total: bool = False) -> Line:
    return Line(say(key), sum_["count"], sum_["amount"], sign, total)


def _ledger(name: str, lines: tuple[Line, ...]) -> Ledger:
    parts, total = lines[:-1], lines[-1]
    count = sum(_signed(line) * line.count for line in parts)
    amount = sum((_signed(line) * Decimal(line.amount) for line in parts), Decimal(0))
    return Ledger(name, lines, (count, amount) == (total.count, Decimal(total.amount)))


def _signed(line: Line) -> int:
    return -1 if line.sign == "-" else 1
