"""Compares what was planted with what was found, and shows it as tables or as one document."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from rich import box
from rich.table import Table

from jobs.run import RunResult
from providers.simulators.scenario import Expected, Scenario
from reconciler.cli.demo_folder import CONFIG, DATABASE
from reconciler.cli.screen import clean, text
from reconciler.findings import OPEN
from reconciler.report.document import sentence
from reconciler.report.shown import number

T = TypeVar("T")
Key = tuple[str, str | None, tuple[str, ...], str | None]
COUNTED = ("planted", "found", "missing", "unexpected")
REASONED = frozenset({"undelivered_order"})
"""Kinds whose reasons are part of the public contract, so that they are compared."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was planted and not found, what was found and not planted, and the counts by kind."""

    missing: tuple[Expected, ...]
    unexpected: tuple[Mapping[str, Any], ...]
    kinds: Mapping[str, Mapping[str, int]]

    @property
    def exact(self) -> bool:
        """Whether everything planted was found, and nothing else."""
        return not self.missing and not self.unexpected


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are when the run is over, and how long it took."""

    folder: Path
    report: Path
    seconds: float

    @property
    def config(self) -> Path:
        """The settings of the run."""
        return self.folder / CONFIG

    @property
    def database(self) -> Path:
        """The program's own database."""
        return self.folder / DATABASE


@dataclass(frozen=True, slots=True)
class Told:
    """What went out: the commands that the shop took, as bodies, and the messages in the simulated chat."""

    commands: Sequence[Mapping[str, Any]]
    alerts: Sequence[str]


def compare(expected: Iterable[Expected], findings: Iterable[Mapping[str, Any]]) -> Outcome:
    """Hold planted faults against open findings by kind, reason, transactions and order, one against one."""
    planted = list(expected)
    found = [finding for finding in findings if finding["status"] == OPEN]
    missing = tuple(_beyond(planted, _planted_key, Counter(map(_found_key, found))))
    unexpected = tuple(_beyond(found, _found_key, Counter(map(_planted_key, planted))))
    columns = (
        Counter(one.kind for one in planted),
        Counter(one["kind"] for one in found),
        Counter(one.kind for one in missing),
        Counter(one["kind"] for one in unexpected),
    )
    kinds = dict.fromkeys([*(one.kind for one in planted), *(one["kind"] for one in found)])
    counts = {kind: {name: column[kind] for name, column in zip(COUNTED, columns, strict=True)} for kind in kinds}
    return Outcome(missing, unexpected, counts)


def document(scenario: Scenario, result: RunResult, outcome: Outcome, places: Places, told: Told) -> dict[str, Any]:
    """The whole outcome as one document: ids are strings, money decimal strings."""
    return {
        "exact": outcome.exact,
        "verdict": result.verdict,
        "kinds": outcome.kinds,
        "planted": [asdict(one) for one in scenario.expected],
        "missing": [asdict(one) for one in outcome.missing],
        "unexpected": list(outcome.unexpected),
        "lookalikes": list(scenario.lookalikes),
        "findings": [finding for finding in result.findings if finding["status"] == OPEN],
        "statement": result.statement,
        "commands": list(told.commands),
        "alerts": list(told.alerts),
        "folder": str(places.folder),
        "config": str(places.config),
        "database": str(places.database),
        "report": str(places.report),
        "seconds": round(places.seconds, 1),
    }


def tables(
    scenario: Scenario, result: RunResult, outcome: Outcome, places: Places, told: Told
) -> Iterator[Table | str]:
    """The comparison by kind, what differs, the verdict, the statement's totals, and where everything is."""
    yield _kinds(outcome)
    yield from _differences(outcome)
    yield _summary(scenario, outcome)
    yield ""
    yield f"Verdict: {result.verdict}. {sentence(result.statement)}"
    yield _books(result.statement["providers"])
    yield from (f"could not be read: {problem}" for problem in result.problems)
    for one in told.commands:
        said = one["data"]
        yield f"{said['decided_by']} decided case {said['case_id']}: the shop took {one['type']} {said['account_id']}."
    for message in told.alerts:
        yield f"Alert to a simulated Telegram chat: {clean(message.splitlines()[0])}"
    yield f"Report:   {places.report}"
    yield f"Database: {places.database}"
    yield f"Webhooks: {len(scenario.events)} were taken in: reconciler --config {places.config} webhooks list"
    yield f"Go on:    reconciler --config {places.config} findings (or cases list, alerts list, outbox list)"
    yield f"Done in {places.seconds:.1f} s."


def _kinds(outcome: Outcome) -> Table:
    table = Table(title="Planted against found", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("kind")
    for name in COUNTED:
        table.add_column(name, justify="right")
    for kind, counts in outcome.kinds.items():
        style = "bold red" if counts["missing"] or counts["unexpected"] else ""
        table.add_row(text(kind), *(str(counts[name]) for name in COUNTED), style=style)
    table.add_section()
    table.add_row("all", *(str(sum(counts[name] for counts in outcome.kinds.values())) for name in COUNTED))
    return table


def _differences(outcome: Outcome) -> Iterator[str]:
    for one in outcome.missing:
        yield f"planted and not found: {one.kind} {_about(one.transaction_ids, one.order_id)}: {one.about}"
    for found in outcome.unexpected:
        about = _about(found["transaction_ids"], found["order_id"])
        yield f"found and not planted: {clean(found['kind'])} {about}: {clean(found['explanation'])}"


def _about(transaction_ids: Iterable[str], order_id: str | None) -> str:
    return clean(" ".join([*transaction_ids, *([order_id] if order_id else [])]))


def _summary(scenario: Scenario, outcome: Outcome) -> str:
    planted, silent = len(scenario.expected), len(scenario.lookalikes)
    if outcome.exact:
        return f"All {planted} planted faults were found, and nothing else; {silent} kinds of look-alike stayed silent."
    return f"{len(outcome.missing)} of {planted} planted faults were not found; {len(outcome.unexpected)} others were."


def _books(books: Iterable[Mapping[str, Any]]) -> Table:
    table = Table(
        title="Statement: charges received = matched + open + excluded", title_justify="left", box=box.SIMPLE_HEAD
    )
    for name in ("provider", "currency", "received", "matched", "open", "excluded", "went back", "closes"):
        table.add_column(name, justify="left" if name in {"provider", "currency", "closes"} else "right", no_wrap=True)
    for one in books:
        charges = one["charges"]
        sums = (charges["received"], charges["matched"], charges["open"], _added(charges["excluded"].values()))
        table.add_row(
            text(one["provider"]),
            text(one["currency"]),
            *(_total(total) for total in (*sums, one["reversals"]["received"])),
            "yes" if one["closes"] else text("NO", "bold red"),
        )
    return table


def _added(totals: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    listed = list(totals)
    amount = sum((Decimal(total["amount"]) for total in listed), Decimal(0))
    return {"count": sum(total["count"] for total in listed), "amount": str(amount)}


def _total(total: Mapping[str, Any]) -> str:
    return f"{number(total['amount'])} ({total['count']})"


def _beyond(items: Iterable[T], key: Callable[[T], Key], there: Counter[Key]) -> Iterator[T]:
    """The items whose key is not among `there`, each of which answers for one item."""
    left = there.copy()
    for item in items:
        left[key(item)] -= 1
        if left[key(item)] < 0:
            yield item


def _planted_key(one: Expected) -> Key:
    return one.kind, one.reason, one.transaction_ids, one.order_id


def _found_key(found: Mapping[str, Any]) -> Key:
    reason = found["reason"] if found["kind"] in REASONED else None
    return found["kind"], reason, tuple(sorted(found["transaction_ids"])), found["order_id"]
