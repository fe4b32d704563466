"""The statement and the findings as text for a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from reconciler.cli.screen import STYLES, indented, text
from reconciler.report import shown
from reconciler.report.document import most_severe_first, sentence
from reconciler.report.lines import Ledger, ledgers
from reconciler.report.texts import counted, say, title
from reconciler.timing import Timer

SHOWN = 50
"""Findings that a run prints; the rest are counted."""

SIDE_BY_SIDE = 112
"""Columns that the three ledgers of a statement need beside each other."""

Public = Mapping[str, Any]


def statement(said: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The books of every provider and currency, each identity with its parts and its sum."""
    for books in said["providers"]:
        state = Text(say("closes"), "green") if books["closes"] else Text(say("broken"), "bold red")
        name = text(f"{say('provider.' + books['provider'])}, {books['currency']}", "bold")
        yield Text.assemble("\n", name, "  ", state)
        yield indented(_Books(ledgers(books)), 2)
        for reason in books["broken"]:
            yield indented(text(reason, "red"), 2)
    if not said["providers"]:
        yield say("quiet.statement")


def verdict(said: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The verdict in a sentence, what went wrong, what is new, and the money at stake."""
    word = say(f"verdict.{said['verdict']}")
    yield Text.assemble("\n", (word, STYLES.get(said["verdict"], "bold")), ". ", text(sentence(said)))
    for problem in said["problems"]:
        yield indented(text(problem, "yellow"), 2)
    numbers = said["findings"]
    parts = [f"{numbers[name]:,} {name}" for name in ("opened", "changed", "reopened", "resolved") if numbers[name]]
    yield f"Findings since the last run: {', '.join(parts) or 'nothing new'}."
    if said["at_stake"]:
        yield Text.assemble("Money at stake: ", text(shown.sums(said["at_stake"]), "bold"), ".")
    if said["quarantined"]:
        yield say("quarantined", n=said["quarantined"])


def findings(rows: Sequence[Public], *, new: Iterable[str] = (), limit: int | None = None) -> Iterator[RenderableType]:
    """Findings, the most severe first, each with its sentence; past the limit they are counted."""
    fresh = set(new)
    ordered = most_severe_first(rows) if limit else list(rows)
    for row in ordered[:limit]:
        yield from _finding(row, fresh=row["id"] in fresh)
    hidden = len(ordered) - limit if limit and len(ordered) > limit else 0
    if hidden:
        yield f"\n{hidden:,} more: `reconciler findings --status open` lists them all."


def count_line(rows: Sequence[Public]) -> str:
    """How many findings there are."""
    return f"{counted(len(rows))}."


def plain_table(*heads: str) -> Table:
    """A table without lines, its headings underlined by nothing but their weight."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head)
    return table


def labelled(facts: Mapping[str, str | None]) -> RenderableType:
    """Facts below each other, each behind its label; those that say nothing are left out."""
    table = plain_table("", "")
    table.show_header = False
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, "dim"), text(value))
    return indented(table, 2, above=1)


@dataclass(frozen=True, slots=True)
class _Books:
    """The ledgers of one provider and currency: side by side where there is room, else below each other."""

    ledgers: tuple[Ledger, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Drawn to the width of the terminal."""
        parts = [_ledger(ledger) for ledger in self.ledgers]
        if options.max_width < SIDE_BY_SIDE:
            yield Group(*parts)
            return
        row = Table.grid(padding=(0, 4, 0, 0))
        row.add_row(*parts)
        yield row


def _ledger(ledger: Ledger) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    if ledger.empty:
        table.add_row(Text(f"{ledger.title}: {say('none')}", "dim"))
        return table
    table.add_row(Text(ledger.title, "underline"))
    for line in ledger.lines:
        sign = "=" if line.total else line.sign
        cells = (f"{sign} {line.label}", f"{line.count:,}", shown.number(line.amount))
        table.add_row(*(Text(cell, "bold" if line.total else "") for cell in cells))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _finding(row: Public, *, fresh: bool) -> Iterator[RenderableType]:
    severity = row["severity"] if row["status"] == "open" else row["status"]
    head = Text.assemble("\n", (f"{say(f'severity.{severity}'):<9}", STYLES.get(severity, "dim")))
    head.append_text(text(title(row["kind"]), "bold"))
    if row["amount"] is not None:
        head.append_text(text(f"  {shown.money(row['amount'], row['currency'])}"))
    head.append("  new" if fresh else "", "bold")
    head.append_text(text(f"  {row['id']}", "dim"))
    yield head
    yield indented(text(row["explanation"]), 9)
    if row["status"] == "open" and row["recommendation"] != "none":
        yield indented(text(advice(row), "dim"), 9)


def advice(row: Public) -> str:
    """What is recommended, with the refundable amount where money is to be given back."""
    said = f"{say('label.recommendation')}: {say('advice.' + row['recommendation'])}"
    if row["refundable_amount"] is None and row["recommendation"] != "refund":
        return said
    amount = row["refundable_amount"]
    refundable = say("label.unknown") if amount is None else shown.money(amount, row["currency"])
    return f"{said}, {say('label.refundable')} {refundable}"


def timing(timer: Timer) -> RenderableType:
    """The steps of a run with their seconds; what is indented is part of the step above it."""
    table = plain_table("Step", "Times", "Seconds")
    for column in table.columns[1:]:
        column.justify = "right"
    for path, taken in sorted(timer.steps.items(), key=lambda item: _place(item[0], list(timer.steps))):
        table.add_row(text("  " * (len(path) - 1) + path[-1]), f"{taken.times:,}", f"{taken.seconds:.3f}")
    return table


def _place(path: tuple[str, ...], begun: list[tuple[str, ...]]) -> tuple[int, ...]:
    """Steps stand in the order in which they began, each below the one that it is part of."""
    return tuple(begun.index(path[:length]) for length in range(1, len(path) + 1))
