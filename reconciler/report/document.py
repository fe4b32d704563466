"""Builds a day's report as one plain document, from which every format is made: values in, a dictionary out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.findings import OPEN, RESOLVED, SEVERITIES
from reconciler.report import shown
from reconciler.report.texts import counted, say

Document = dict[str, Any]
Public = Mapping[str, Any]
ALARMING = ("critical", "warning")


@dataclass(frozen=True, slots=True)
class Day:
    """A day as a clock in `zone` counts it, 23 to 25 hours long: `start ≤ t < end`."""

    date: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """Its midnight, in UTC."""
        return datetime.combine(self.date, time(), self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The midnight that ends it, in UTC."""
        return datetime.combine(self.date + timedelta(days=1), time(), self.zone).astimezone(UTC)

    def holds(self, moment: datetime) -> bool:
        """Whether the moment is in this day."""
        return self.start <= moment < self.end


def build(
    day: Day,
    statement: Mapping[str, Any],
    findings: Iterable[Public],
    *,
    fresh: Collection[str] = (),
    clauses: Mapping[str, str] | None = None,
) -> Document:
    """The report of a day from the statement of its last run and its findings in their public form.

    Shown are the open findings and those resolved on the day. `fresh` are ids that were opened (or reopened) on
    the day; `clauses` the texts of the policy, of which those cited are quoted.
    """
    listed = _standings(day, findings, fresh)
    return {
        "day": day.date.isoformat(),
        "timezone": day.zone.key,
        "run_at": statement["at"],
        "stale": not day.holds(shown.parse(statement["at"])),
        "verdict": statement["verdict"],
        "sentence": sentence(statement),
        "statement": statement["providers"],
        "at_stake": statement["at_stake"],
        "counts": {name: len(rows) for name, rows in listed.items()},
        "findings": listed,
        "clauses": _cited(listed, clauses or {}),
        "feeds": [_feed(row, statement["at"]) for row in statement["feeds"]],
        "quarantined": statement["quarantined"],
        "problems": list(statement["problems"]),
    }


def sentence(statement: Mapping[str, Any]) -> str:
    """The verdict of a run in one sentence."""
    numbers = severities(statement)
    verdict, total = statement["verdict"], sum(numbers.values())
    if verdict == "reconciled" and total:
        verdict = "notes"
    where = ", ".join(
        f"{say('provider.' + books['provider'])} {books['currency']}"
        for books in statement["providers"]
        if not books["closes"]
    )
    named = ", ".join(f"{numbers[name]:,} {say(f'severity.{name}')}" for name in reversed(SEVERITIES) if numbers[name])
    return say(f"sentence.{verdict}", count=counted(total), severities=named, where=where)


def severities(statement: Mapping[str, Any]) -> Counter[str]:
    """How many findings of each severity are open."""
    numbers: Counter[str] = Counter()
    for row in statement["findings"]["by_kind"].values():
        numbers[row["severity"]] += row["count"]
    return numbers


def most_severe_first(findings: Iterable[Public]) -> list[Public]:
    """Findings by severity, then within a currency by what is at stake, the largest first; the rest by age."""
    return sorted(findings, key=_weight)


def by_kind(findings: Iterable[Public]) -> list[tuple[str, list[Public]]]:
    """Findings grouped by kind: the most severe kinds first, each with its findings in the order given."""
    groups: dict[str, list[Public]] = {}
    for finding in findings:
        groups.setdefault(finding["kind"], []).append(finding)
    return sorted(groups.items(), key=lambda item: (min(_rank(one) for one in item[1]), item[0]))


def at_stake(findings: Iterable[Public]) -> dict[str, str]:
    """The sums of what findings put at stake, by currency."""
    totals: dict[str, Decimal] = {}
    for finding in findings:
        if finding["amount"] is not None and finding["currency"]:
            code = finding["currency"]
            totals[code] = totals.get(code, Decimal(0)) + Decimal(finding["amount"])
    return {code: f"{total:f}" for code, total in sorted(totals.items())}


def _standings(day: Day, findings: Iterable[Public], fresh: Collection[str]) -> dict[str, list[Public]]:
    listed: dict[str, list[Public]] = {"new": [], "persisting": [], "resolved": []}
    for finding in findings:
        if finding["status"] == OPEN:
            new = finding["id"] in fresh or day.holds(shown.parse(finding["first_seen_at"]))
            listed["new" if new else "persisting"].append(finding)
        elif finding["status"] == RESOLVED and day.holds(shown.parse(finding["resolved_at"])):
            listed["resolved"].append(finding)
    return {name: most_severe_first(rows) for name, rows in listed.items()}


def _weight(finding: Public) -> tuple[int, bool, str, Decimal, str, str]:
    amount = finding["amount"]
    return (
        _rank(finding),
        amount is None,
        finding["currency"] or "",
        -Decimal(amount or 0),
        finding["first_seen_at"],
        finding["id"],
    )


def _rank(finding: Public) -> int:
    return len(SEVERITIES) - SEVERITIES.index(finding["severity"])


def _cited(listed: Mapping[str, Sequence[Public]], clauses: Mapping[str, str]) -> dict[str, str]:
    cited = {finding["policy_clause"] for rows in listed.values() for finding in rows}
    return {clause: text for clause, text in clauses.items() if clause in cited}


def _feed(row: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A feed's state with its age at the time of the run, in seconds (None: it never succeeded)."""
    success = row["last_success_at"]
    age_s = None if success is None else int((shown.parse(at) - shown.parse(success)).total_seconds())
    state = "error" if row["error"] else "complete" if row["complete"] else "behind"
    return {**row, "age_s": age_s, "state": state}
