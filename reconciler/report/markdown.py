"""The report as Markdown, for chats, tickets and notes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.report import shown
from reconciler.report.base import LISTINGS, Format
from reconciler.report.document import Document
from reconciler.report.lines import ledgers
from reconciler.report.texts import say, title

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&]|(?<=:)//)")


def render(document: Document) -> bytes:
    """The report's sections as headings, lists and tables."""
    return ("\n".join(_lines(document)).rstrip() + "\n").encode()


def safe(value: object) -> str:
    """Text of others as plain words: nothing in it formats, links or breaks a table."""
    return _SPECIAL.sub(r"\\\1", shown.clean(" ".join(str(value).split())))


def _lines(document: Document) -> Iterator[str]:
    zone = ZoneInfo(document["timezone"])
    at = shown.time(document["run_at"], zone)
    yield f"# {say('title')} {document['day']}"
    yield ""
    yield f"**{say('verdict.' + document['verdict'])}.** {safe(document['sentence'])}"
    yield ""
    yield f"{say('stale' if document['stale'] else 'made', at=at)} {say('times', zone=document['timezone'])}"
    yield from _problems(document)
    yield from _statement(document)
    yield from _section("at_stake", [shown.sums(document["at_stake"])] if document["at_stake"] else [])
    for listing in LISTINGS:
        rows = document["findings"][listing]
        yield from _section(listing, [text for finding in rows for text in _finding(finding, zone)])
    yield from _section("feeds", [_feed(feed, zone) for feed in document["feeds"]])
    count = document["quarantined"]
    yield from _section("quarantine", [say("quarantined", n=count)] if count else [])


def _section(name: str, rows: list[str]) -> Iterator[str]:
    yield from ("", f"## {say('section.' + name)}", "")
    yield from rows or [say(f"quiet.{name}")]


def _problems(document: Document) -> Iterator[str]:
    if document["problems"]:
        yield from _section("problems", [f"- {safe(problem)}" for problem in document["problems"]])


def _statement(document: Document) -> Iterator[str]:
    yield from _section("statement", [] if not document["statement"] else [""])
    for books in document["statement"]:
        state = say("closes" if books["closes"] else "broken")
        yield f"### {say('provider.' + books['provider'])}, {safe(books['currency'])}: {state}"
        yield ""
        yield f"| {say('column.line')} | {say('column.count')} | {say('column.amount')} |"
        yield "| --- | ---: | ---: |"
        for ledger in ledgers(books):
            yield f"| *{ledger.title}* | | |"
            for line in ledger.lines:
                sign = "=" if line.total else line.sign
                label = f"**{sign} {line.label}**" if line.total else f"{sign} {line.label}"
                yield f"| {label} | {line.count:,} | {shown.number(line.amount)} |"
        yield from (f"- {safe(text)}" for text in books["broken"])
        yield ""


def _finding(finding: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    severity = say(f"severity.{finding['severity']}")
    amount = shown.money(finding["amount"], finding["currency"])
    yield f"- **{severity}: {title(finding['kind'])}**, {safe(amount)}. {safe(finding['explanation'])}"
    for one in finding["differences"]:
        sides = (one["provider"], one["shop"])
        provider, shop = (safe(shown.NOTHING if value is None else value) for value in sides)
        yield f"  - {safe(one['field'])}: {provider} ({say('column.provider')}), {shop} ({say('column.shop')})"
    yield f"  - {_facts(finding, zone)}"


def _facts(finding: Mapping[str, Any], zone: ZoneInfo) -> str:
    advice = say(f"advice.{finding['recommendation']}")
    refundable = shown.money(finding["refundable_amount"], finding["currency"])
    facts = [
        (say("label.id"), finding["id"]),
        (say("label.charge"), shown.joined(finding["transaction_ids"])),
        (say("label.order"), finding["order_id"]),
        (say("label.account"), finding["account_id"]),
        (say("label.policy"), finding["policy_clause"]),
        (say("label.recommendation"), advice),
        (say("label.refundable"), refundable if finding["refundable_amount"] is not None else None),
        (say("label.first_seen"), shown.time(finding["first_seen_at"], zone)),
    ]
    return ", ".join(f"{name} {safe(value)}" for name, value in facts if value)


def _feed(feed: Mapping[str, Any], zone: ZoneInfo) -> str:
    until = shown.time(feed["complete_until"], zone)
    error = f", {safe(feed['error'])}" if feed["error"] else ""
    return f"- {safe(feed['name'])}: {say('feed.' + feed['state'])}, {say('column.until').lower()} {until}{error}"


FORMAT = Format("md", ".md", render)
