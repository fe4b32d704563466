"""The report as Markdown, for chats, tickets and notes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.report import shown
from reconciler.report.base import LISTINGS, Format, heading, in_words, name_of, voice_of
from reconciler.report.document import Document, in_a_sentence
from reconciler.report.lines import ledgers
from reconciler.report.reader import for_reader
from reconciler.report.sections import Table, tables
from reconciler.report.story import story
from reconciler.report.table import NUMBERS
from reconciler.words.voice import NOTHING

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&]|(?<=:)//)")


def render(document: Document, language: str) -> bytes:
    """The report's sections as headings, lists and tables."""
    return ("\n".join(_Note(document, language).lines()).rstrip() + "\n").encode()


def safe(value: object) -> str:
    """Text of others as plain words: nothing in it formats, links or breaks a table."""
    return _SPECIAL.sub(r"\\\1", shown.clean(" ".join(str(value).split())))


class _Note:
    """A report being written down in one language."""

    def __init__(self, document: Document, language: str) -> None:
        self.voice = voice_of(document, language)
        self.document = for_reader(document, self.voice)
        self.say = self.voice.say

    def lines(self) -> Iterator[str]:
        """Everything, line by line."""
        document, say = self.document, self.say
        at = self.voice.time(document["run_at"])
        sentence = in_a_sentence(self.voice, document["verdict"], document["severities"], document["statement"])
        yield f"# {name_of(document, self.voice)}"
        yield ""
        yield f"**{say('verdict.' + document['verdict'])}.** {safe(sentence)}"
        yield ""
        made = f"stale.{document['report']}" if document["stale"] else "made"
        yield f"{say(made, at=at)} {say('times', zone=document['timezone'])}"
        yield from self._problems()
        yield from self._statement()
        for table in tables(document):
            yield from self._table(table)
        for listing in LISTINGS:
            rows = document["findings"][listing]
            name = f"{listing}.{document['report']}"
            yield from self._section(name, [text for finding in rows for text in self._finding(finding)])
        yield from self._section("feeds", [self._feed(feed) for feed in document["feeds"]])
        count = document["quarantined"]
        yield from self._section("quarantine", [say("quarantined", n=count)] if count else [])
        if audit := document.get("audit"):
            yield from ("", say("audit_head", records=audit["records"], head=audit["head"]))

    def _section(self, name: str, rows: list[str]) -> Iterator[str]:
        yield from ("", f"## {self.say('section.' + name)}", "")
        yield from rows or [self.say(f"quiet.{name.partition('.')[0]}")]

    def _table(self, table: Table) -> Iterator[str]:
        if not table.rows:
            yield from self._section(table.name, [])
            return
        columns = table.on_page
        yield from self._section(table.name, [f"| {' | '.join(heading(one, self.voice) for one in columns)} |"])
        yield f"| {' | '.join('---:' if one.holds in NUMBERS else '---' for one in columns)} |"
        for row in table.rows:
            yield f"| {' | '.join(safe(in_words(one, row, self.voice)) for one in columns)} |"

    def _problems(self) -> Iterator[str]:
        if self.document["problems"]:
            yield from self._section("problems", [f"- {safe(problem)}" for problem in self.document["problems"]])

    def _statement(self) -> Iterator[str]:
        document, say = self.document, self.say
        yield from self._section("statement", [] if not document["statement"] else [""])
        for books in document["statement"]:
            state = say("closes" if books["closes"] else "broken")
            yield f"### {say('provider.' + books['provider'])}, {safe(books['currency'])}: {state}"
            yield ""
            yield f"| {say('column.line')} | {say('column.count')} | {say('column.amount')} |"
            yield "| --- | ---: | ---: |"
            for ledger in ledgers(books, self.voice):
                yield f"| *{ledger.title}* | | |"
                for line in ledger.lines:
                    sign = "=" if line.total else line.sign
                    label = f"**{sign} {line.label}**" if line.total else f"{sign} {line.label}"
                    yield f"| {label} | {self.voice.count(line.count)} | {self.voice.number(line.amount)} |"
            yield from (f"- {safe(text)}" for text in books["broken"])
            yield ""

    def _finding(self, finding: Mapping[str, Any]) -> Iterator[str]:
        severity = self.say(f"severity.{finding['severity']}")
        amount = self.voice.money(finding["amount"], finding["currency"])
        told = safe(story(finding, self.voice))
        yield f"- **{severity}: {self.voice.title(finding['kind'])}**, {safe(amount)}. {told}"
        for one in finding["differences"]:
            sides = (one["provider"], one["shop"])
            provider, shop = (safe(NOTHING if value is None else value) for value in sides)
            field = safe(self.say(f"differs.{one['field']}"))
            yield f"  - {field}: {provider} ({self.say('column.provider')}), {shop} ({self.say('column.shop')})"
        yield f"  - {self._facts(finding)}"

    def _facts(self, finding: Mapping[str, Any]) -> str:
        say = self.say
        refundable = self.voice.money(finding["refundable_amount"], finding["currency"])
        facts = [
            (say("label.id"), finding["id"]),
            (say("label.charge"), shown.joined(finding["transaction_ids"])),
            (say("label.order"), finding["order_id"]),
            (say("label.account"), finding["account_id"]),
            (say("label.policy"), finding["policy_clause"]),
            (say("label.recommendation"), say(f"advice.{finding['recommendation']}")),
            (say("label.refundable"), refundable if finding["refundable_amount"] is not None else None),
            (say("label.first_seen"), self.voice.time(finding["first_seen_at"])),
        ]
        return ", ".join(f"{name} {safe(value)}" for name, value in facts if value)

    def _feed(self, feed: Mapping[str, Any]) -> str:
        until = self.voice.time(feed["complete_until"])
        error = f", {safe(feed['error'])}" if feed["error"] else ""
        state = self.say("feed." + feed["state"])
        return f"- {safe(feed['name'])}: {state}, {self.say('column.until').lower()} {until}{error}"


FORMAT = Format("md", ".md", render)
