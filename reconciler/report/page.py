"""What the report's page shows, prepared so that its template decides nothing: every number with its rows' place."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from reconciler.report import shown
from reconciler.report.base import LISTINGS, days_of, heading, in_words
from reconciler.report.charts import charts
from reconciler.report.document import Document, at_stake, by_kind, in_a_sentence
from reconciler.report.lines import identity, ledgers
from reconciler.report.sections import Table, course, overdue, refund_count, refund_sums, tables
from reconciler.report.story import clause, resolution, story
from reconciler.report.table import DAYS, NUMBERS, TEXT, Column, Row
from reconciler.words.voice import NOTHING, Voice

PER_KIND = 200
"""Findings of one kind that a page lists; the rest are counted, and named in the other formats."""
PER_TABLE = 200
"""Rows of a section that a page lists; a workbook has all of them."""
FEW_BOOKS = 2
"""So many books (provider and currency) are shown unfolded, and always those that do not close."""
OPEN_UP_TO = 12
"""A kind with at most so many findings is shown unfolded."""
SOON_DAYS = 3
_RATIO_TONES = {"over": "critical", "near": "warning"}


def view(document: Document, voice: Voice) -> dict[str, Any]:
    """The template's values."""
    return _Page(document, voice).values()


class _Page:
    """A document on its way to a page; knows which findings are listed where."""

    def __init__(self, document: Document, voice: Voice) -> None:
        self.document, self.voice = document, voice
        self.links: Mapping[str, str] = document["links"]
        self.kinds: dict[str, str] = {}
        self.of_case: dict[str, str] = {}
        self.of_charge: dict[tuple[str, str], str] = {}
        self.sections = [self._section(name, document["findings"][name]) for name in LISTINGS]

    def values(self) -> dict[str, Any]:
        document, voice = self.document, self.voice
        return {
            "report": document,
            "voice": voice,
            "say": voice.say,
            "days": days_of(document, voice),
            "sentence": in_a_sentence(voice, document["verdict"], document["severities"], document["statement"]),
            "figures": self._figures(),
            "charts": charts(document, voice),
            "course": self._table(course(document)),
            "books": [self._books(books) for books in document["statement"]],
            "tables": {table.name: self._table(table) for table in tables(document)},
            "sections": self.sections,
            "clauses": {name: clause(name, text, voice) for name, text in document["clauses"].items()},
            "refund_sums": voice.sums(refund_sums(document)),
            "joined": shown.joined,
            "nothing": NOTHING,
            "finding_link": lambda id_: self._dashboard(f"findings/{id_}"),
            "account_link": lambda id_: _filled(self.links.get("account", ""), "account_id", id_),
            "order_link": lambda id_: _filled(self.links.get("order", ""), "order_id", id_),
        }

    def _figures(self) -> list[dict[str, Any]]:
        document, voice = self.document, self.voice
        late = overdue(document["cases"])
        counts = [(name, document["counts"][name]) for name in LISTINGS]
        counts += [("cases", len(document["cases"])), ("chargebacks", len(document["chargebacks"]))]
        counts.append(("refunds", refund_count(document)))
        return [
            {
                "label": voice.say(f"figure.{name}"),
                "shown": voice.count(count),
                "to": name if count else "",
                "note": voice.say("overdue", n=late) if name == "cases" and late else "",
            }
            for name, count in counts
        ]

    def _books(self, books: Mapping[str, Any]) -> dict[str, Any]:
        kinds = {"suspected": "suspected_chargeback", "confirmed": "chargeback"}
        leads = {line: self.kinds[kind] for line, kind in kinds.items() if kind in self.kinds}
        return {
            **books,
            "ledgers": ledgers(books, self.voice),
            "identity": identity(books, self.voice),
            "unfolded": len(self.document["statement"]) <= FEW_BOOKS or not books["closes"],
            "leads": leads | ({"open": "findings", "end": "findings"} if self.kinds else {}),
        }

    def _section(self, name: str, findings: Sequence[Row]) -> dict[str, Any]:
        groups = [self._group(kind, rows, name) for kind, rows in by_kind(findings)]
        return {"name": name, "count": len(findings), "groups": groups}

    def _group(self, kind: str, findings: Sequence[Row], listing: str) -> dict[str, Any]:
        voice, is_done, anchor = self.voice, listing == "resolved", f"{listing}-{kind}"
        severity = findings[0]["severity"]
        if not is_done:
            self.kinds.setdefault(kind, anchor)
        return {
            "anchor": anchor,
            "title": voice.title(kind),
            "meaning": voice.say(f"kind.{kind}.meaning") if voice.knows(f"kind.{kind}.meaning") else "",
            "tone": "done" if is_done else severity,
            "badge": voice.say("status.resolved" if is_done else f"severity.{severity}"),
            "count": len(findings),
            "stake": voice.sums(at_stake(findings)),
            "open": len(findings) <= OPEN_UP_TO,
            "findings": [self._told(finding) for finding in findings[:PER_KIND]],
            "more": max(0, len(findings) - PER_KIND),
        }

    def _told(self, finding: Row) -> dict[str, Any]:
        anchor = f"f-{finding['id']}"
        if finding["case_id"]:
            self.of_case.setdefault(finding["case_id"], anchor)
        for ref in finding["transaction_ids"]:
            self.of_charge.setdefault((finding["provider"], ref), anchor)
        told = {"explanation": story(finding, self.voice), "resolution": resolution(finding, self.voice)}
        return {**finding, **told}

    def _table(self, table: Table) -> dict[str, Any]:
        columns = table.on_page
        return {
            "name": table.name,
            "heads": [{"text": heading(one, self.voice), "number": one.holds in NUMBERS} for one in columns],
            "rows": [[self._cell(table.name, column, row) for column in columns] for row in table.rows[:PER_TABLE]],
            "count": len(table.rows),
            "more": max(0, len(table.rows) - PER_TABLE),
        }

    def _cell(self, table: str, column: Column, row: Row) -> dict[str, Any]:
        return {
            "head": heading(column, self.voice),
            "text": in_words(column, row, self.voice),
            "number": column.holds in NUMBERS,
            "tone": f"{'' if column.holds == TEXT else 'short '}{_tone(column, row)}".strip(),
            "to": self._leads_to(table, column.name, row),
        }

    def _leads_to(self, table: str, column: str, row: Row) -> str:
        """Where a cell leads to: the findings behind a sum, the finding behind a case, the case in the dashboard."""
        if column == "kind" and table in {"at_stake", "cases"}:
            anchor = self.of_case.get(row["id"]) if table == "cases" else self.kinds.get(row["kind"])
            return f"#{anchor}" if anchor else ""
        if column in {"transaction_id", "ref"}:
            anchor = self.of_charge.get((row["provider"], row[column]))
            return f"#{anchor}" if anchor else ""
        return self._dashboard(f"cases/{row['id']}") if (table, column) == ("cases", "id") else ""

    def _dashboard(self, path: str) -> str:
        base = self.links.get("dashboard", "")
        return f"{base}/{path}" if _is_web(base) else ""


def _tone(column: Column, row: Row) -> str:
    value = column.of(row)
    if column.holds == DAYS and value is not None:
        return "critical" if value < 0 else "warning" if value <= SOON_DAYS else ""
    if column.words == "ratio":
        return _RATIO_TONES.get(value, "")
    return str(value) if column.words == "severity" else ""


def _filled(template: str, name: str, value: Any) -> str:
    """A link of the configuration with an id in its place; none where the template names no web address."""
    if value is None or not _is_web(template):
        return ""
    return template.replace(f"{{{name}}}", quote(str(value), safe=""))


def _is_web(address: str) -> bool:
    return urlsplit(address).scheme in {"http", "https"}
