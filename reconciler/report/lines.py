"""The statement as ledgers: the parts of each identity above the sum that they have to come to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.words.voice import ENGLISH, Voice

Books = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `sign` is `+`, `-` or empty; `total` marks the sum."""

    name: str
    label: str
    count: int
    amount: str
    sign: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """The lines of one identity; `holds` is whether they add up, in count and in money."""

    name: str
    title: str
    lines: tuple[Line, ...]
    holds: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it at all."""
        return all(line.count == 0 for line in self.lines)


def ledgers(books: Books, voice: Voice = ENGLISH) -> tuple[Ledger, ...]:
    """The three identities of one provider and currency."""
    return (
        _ledger("charges", _charges(books["charges"], voice), voice),
        _ledger("open_items", _open_items(books["open_items"], voice), voice),
        _ledger("reversals", _reversals(books["reversals"], voice), voice),
    )


def identity(books: Books, voice: Voice = ENGLISH) -> str:
    """The first identity in one line: what came in, and where it is now."""
    charges = books["charges"]
    return voice.say(
        "identity",
        sign="=" if ledgers(books)[0].holds else "≠",
        received=charges["received"]["count"],
        matched=charges["matched"]["count"],
        open=charges["open"]["count"],
        excluded=sum(total["count"] for total in charges["excluded"].values()),
    )


def _charges(charges: Books, voice: Voice) -> Iterator[Line]:
    yield _line("matched", charges["matched"], voice, "+")
    yield _line("open", charges["open"], voice, "+")
    for name, total in charges["excluded"].items():
        if total["count"]:
            label = voice.say("line.excluded", reason=voice.say(f"excluded.{name}"))
            yield Line("excluded", label, total["count"], total["amount"], "+")
    yield _line("received", charges["received"], voice, total=True)


def _open_items(items: Books, voice: Voice) -> Iterator[Line]:
    yield _line("start", items["start"], voice, "+")
    yield _line("opened", items["opened"], voice, "+")
    yield _line("closed", items["closed"], voice, "-")
    yield _line("end", items["end"], voice, total=True)


def _reversals(reversals: Books, voice: Voice) -> Iterator[Line]:
    for name in ("explained", "suspected", "confirmed"):
        yield _line(name, reversals[name], voice, "+")
    yield _line("received", reversals["received"], voice, total=True)


def _line(name: str, sum_: Books, voice: Voice, sign: str = "", *, total: bool = False) -> Line:
    return Line(name, voice.say(f"line.{name}"), sum_["count"], sum_["amount"], sign, total)


def _ledger(name: str, found: Iterable[Line], voice: Voice) -> Ledger:
    lines = tuple(found)
    parts, total = lines[:-1], lines[-1]
    count = sum(_signed(line) * line.count for line in parts)
    amount = sum((_signed(line) * Decimal(line.amount) for line in parts), Decimal(0))
    holds = (count, amount) == (total.count, Decimal(total.amount))
    return Ledger(name, voice.say(f"ledger.{name}"), lines, holds)


def _signed(line: Line) -> int:
    return -1 if line.sign == "-" else 1
