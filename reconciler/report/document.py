"""Builds a day's report as one plain document, from which every format is made: values in, a dictionary out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

from reconciler.findings import OPEN, RESOLVED, SEVERITIES
from reconciler.report import shown
from reconciler.report.period import Period
from reconciler.words.voice import ENGLISH, Voice

Document = dict[str, Any]
Public = Mapping[str, Any]
FACTS: Document = {
    "cases": [],
    "case_counts": {},
    "chargebacks": [],
    "ratio": [],
    "refunds": [],
    "refund_totals": {},
    "approvals": [],
    "trends": {"days": [], "received": {}, "refunded": {}, "at_stake": {}, "open": {}},
    "links": {},
    "audit": None,
}
"""The sections that are empty unless they are given."""


def build(
    period: Period,
    statement: Mapping[str, Any],
    findings: Iterable[Public],
    *,
    fresh: Collection[str] = (),
    clauses: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Document:
    """The report of a period from the statement of its last run and its findings in their public form.

    Shown are the open findings and those resolved in the period. `fresh` are ids that were opened (or reopened) in
    it; `clauses` the texts of the policy, of which those cited are quoted; `facts` the sections of FACTS.
    """
    listed = _standings(period, findings, fresh)
    more = {**FACTS, **(facts or {})}
    return {
        "report": period.length,
        "day": period.first.isoformat(),
        "last_day": period.last.isoformat(),
        "timezone": period.zone.key,
        "run_at": statement["at"],
        "stale": not period.holds(shown.parse(statement["at"])),
        "verdict": statement["verdict"],
        "sentence": sentence(statement),
        "statement": statement["providers"],
        "at_stake": statement["at_stake"],
        "severities": dict(severities(statement)),
        "counts": {name: len(rows) for name, rows in listed.items()},
        "findings": listed,
        **more,
        "clauses": _cited([*chain.from_iterable(listed.values()), *more["cases"]], clauses or {}),
        "feeds": [_feed(row, statement["at"]) for row in statement["feeds"]],
        "quarantined": statement["quarantined"],
        "problems": list(statement["problems"]),
    }


def sentence(statement: Mapping[str, Any]) -> str:
    """The verdict of a run in one sentence, for the screen."""
    return in_a_sentence(ENGLISH, statement["verdict"], severities(statement), statement["providers"])


def in_a_sentence(voice: Voice, verdict: str, numbers: Mapping[str, int], statement: Iterable[Public]) -> str:
    """A verdict in one sentence. `numbers`: open findings by severity, `statement`: the books."""
    total = sum(numbers.values())
    if verdict == "reconciled" and total:
        verdict = "notes"
    where = ", ".join(
        f"{voice.say('provider.' + books['provider'])} {books['currency']}"
        for books in statement
        if not books["closes"]
    )
    named = ", ".join(
        voice.say(f"counted.{name}", n=numbers[name]) for name in reversed(SEVERITIES) if numbers.get(name)
    )
    return voice.say(f"sentence.{verdict}", count=voice.say("finding", n=total), severities=named, where=where)


def severities(statement: Mapping[str, Any]) -> Counter[str]:
    """How many findings of each severity are open."""
    numbers: Counter[str] = Counter()
    for row in statement["findings"]["by_kind"].values():
        numbers[row["severity"]] += row["count"]
    return numbers


def quiet(document: Document) -> bool:
    """Whether a report has nothing to say: runs went well, nothing waits or was settled but notes, no dispute runs."""
    return (
        document["verdict"] == "reconciled"
        and not document["stale"]
        and all(finding["severity"] == "info" for finding in document["findings"]["resolved"])
        and not document["cases"]
        and not document["chargebacks"]
        and not document["problems"]
        and not any(row["state"] in {"near", "over"} for row in document["ratio"])
    )


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


def _standings(period: Period, findings: Iterable[Public], fresh: Collection[str]) -> dict[str, list[Public]]:
    listed: dict[str, list[Public]] = {"new": [], "persisting": [], "resolved": []}
    for finding in findings:
        if finding["status"] == OPEN:
            new = finding["id"] in fresh or period.holds(shown.parse(finding["first_seen_at"]))
            listed["new" if new else "persisting"].append(finding)
        elif finding["status"] == RESOLVED and period.holds(shown.parse(finding["resolved_at"])):
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


def _cited(rows: Iterable[Public], clauses: Mapping[str, str]) -> dict[str, str]:
    cited = {row["policy_clause"] for row in rows}
    return {clause: text for clause, text in clauses.items() if clause in cited}


def _feed(row: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A feed's state with its age at the time of the run, in seconds (None: it never succeeded)."""
    success = row["last_success_at"]
    age_s = None if success is None else int((shown.parse(at) - shown.parse(success)).total_seconds())
    state = "error" if row["error"] else "complete" if row["complete"] else "behind"
    return {**row, "age_s": age_s, "state": state}
