"""The report's formats: nothing that a buyer wrote does anything, and nothing is lost or changed on the way."""

import csv
import io
import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from reconciler.report import FORMATS
from reconciler.report.base import in_words
from reconciler.report.markdown import safe
from reconciler.report.page import PER_KIND
from reconciler.report.sections import course, tables
from reconciler.report.table import FINDINGS, Column, harmless
from reconciler.words.voice import Voice
from tests.report_samples import HOSTILE, MOSCOW, books, document, feed, finding, full_facts, total

RENDER = {form.name: partial(form.render, language="en") for form in FORMATS}
HOSTILE_FINDING = finding(
    explanation=HOSTILE,
    order_id=HOSTILE,
    account_id='"><img src=x onerror=alert(1)>',
    transaction_ids=[HOSTILE, "=1+1"],
    policy_clause='3.undelivered"><b>',
    reason="@SUM(A1)",
    differences=[{"field": "e-mail", "provider": HOSTILE, "shop": None}],
)


class Page(HTMLParser):
    """Collects the tags, the addresses and the visible text of a page."""

    def __init__(self, body: bytes) -> None:
        """Parse the page at once."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += f"{data} "


@pytest.mark.parametrize("form", list(RENDER))
@pytest.mark.parametrize(
    "report",
    [
        document(),
        document([finding()]),
        document([HOSTILE_FINDING]),
        document([], providers=[], feeds=[]),
        document([HOSTILE_FINDING], full_facts()),
        document([], providers=[books(provider="new_one", closes=False, broken=[HOSTILE])], problems=[HOSTILE]),
    ],
    ids=["quiet", "one", "hostile", "empty", "full", "broken"],
)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_format_renders_every_day_alike_twice(form: str, report: dict[str, Any], language: str) -> None:
    body = RENDER[form](report, language=language)
    assert body == RENDER[form](json.loads(json.dumps(report)), language=language)
    assert body


def test_html_runs_nothing_and_loads_nothing() -> None:
    page = Page(RENDER["html"](document([HOSTILE_FINDING], problems=[HOSTILE], feeds=[feed(error=HOSTILE)])))
    assert not {"script", "img", "link", "iframe", "object", "form", "b"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")
    assert "<script>alert(1)</script>" in page.text
    style = RENDER["html"](document()).decode().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_html_tells_each_finding_from_sentence_to_advice() -> None:
    row = finding(differences=[{"field": "amount", "provider": "7.00", "shop": "8.00"}], refundable_amount="650.00")
    text = " ".join(Page(RENDER["html"](document([row]))).text.split())
    for part in (row["explanation"], "700.00 RUB", "order-1", "account-1", "3.undelivered", "deliver", row["id"]):
        assert part in text
    assert "refundable 650.00 RUB" in text
    sides = text.index("Field DigiSeller Shop amount 7.00 8.00")
    assert text.index(row["explanation"]) < sides < text.index("Recommended")


def test_characters_that_turn_text_around_are_written_out() -> None:
    assert "\u202e" in HOSTILE
    for form in ("html", "md"):
        said = RENDER[form](document([HOSTILE_FINDING])).decode()
        assert "\u202e" not in said
        assert "u202e" in said


def test_an_unknown_refundable_amount_is_said_to_be_unknown() -> None:
    row = finding(kind="duplicate_charge", recommendation="refund", refundable_amount=None)
    assert "refundable unknown" in " ".join(Page(RENDER["html"](document([row]))).text.split())


def test_a_resolved_finding_shows_why_and_recommends_nothing() -> None:
    row = finding(status="resolved", resolved_at=finding()["last_seen_at"], resolution="the order was delivered")
    text = " ".join(Page(RENDER["html"](document([row]))).text.split())
    assert "the order was delivered" in text
    assert "critical" not in text.partition("Resolved on this day")[2]
    assert "Recommended" not in text


def test_only_web_addresses_of_the_configuration_become_links() -> None:
    places = {
        "dashboard": "https://desk.example",
        "account": "https://shop.example/a/{account_id}",
        "order": "javascript:alert('{order_id}')",
    }
    links = {value for name, value in Page(RENDER["html"](document([HOSTILE_FINDING], {"links": places}))).attributes
             if name == "href" and not (value or "").startswith("#")}  # fmt: skip
    assert f"https://desk.example/findings/{HOSTILE_FINDING['id']}" in links
    assert all((link or "").startswith(("https://desk.example/", "https://shop.example/a/%22%3E")) for link in links)


def test_html_of_ten_thousand_findings_stays_usable() -> None:
    body = RENDER["html"](document([finding(f"charge:{number}") for number in range(10_000)]))
    assert len(body) < 1_000_000
    assert body.count(b'<article class="finding"') == PER_KIND
    assert f"{10_000 - PER_KIND:,} more of this kind" in body.decode()
    assert 'class="kind critical" open' not in body.decode()


def test_a_quiet_day_looks_quiet() -> None:
    page = Page(RENDER["html"](document()))
    assert "Nothing is open" in page.text
    assert "article" not in page.tags
    assert "badge" not in [value for name, value in page.attributes if name == "class"]


def test_severity_is_a_word_not_only_a_colour() -> None:
    page = RENDER["html"](document([finding()])).decode()
    assert re.search(r'<span class="badge">critical</span>', page)


def test_xlsx_reads_back_equal() -> None:
    rows = [HOSTILE_FINDING, finding("2", amount="123456789012.34", refundable_amount=None), finding("3", amount=None)]
    report = document(rows)
    book = CalamineWorkbook.from_filelike(io.BytesIO(RENDER["xlsx"](report)))
    assert book.sheet_names == [
        "Summary", "Statement", "Findings", "At stake", "Cases", "Chargebacks", "Ratio", "Refunds", "Approved refunds",
        "Feeds", "Trends",
    ]  # fmt: skip
    head, *read = book.get_sheet_by_name("Findings").to_python()
    assert len(read) == len(rows)
    for row, cells in zip(report["findings"]["new"], read, strict=True):
        found = dict(zip(head, cells, strict=True))
        assert found["Id"] == row["id"]
        assert found["What happened"] == row["explanation"]
        assert found["Order"] == row["order_id"]
        assert found["Charges"] == ", ".join(row["transaction_ids"])
        assert found["Amount"] == ("" if row["amount"] is None else pytest.approx(float(row["amount"]), abs=0.001))
        assert found["First seen (Europe/Moscow)"] == datetime(2026, 11, 22, 11, 30)  # noqa: DTZ001 (sheets know no zones)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_section_of_a_workbook_reads_back_with_typed_cells(language: str) -> None:
    report = document([HOSTILE_FINDING, finding("2")], full_facts())
    book = CalamineWorkbook.from_filelike(io.BytesIO(RENDER["xlsx"](report, language=language)))
    voice = Voice(language, MOSCOW)
    for table in (*tables(report), course(report)):
        head, *read = book.get_sheet_by_name(voice.say(f"sheet.{table.name}")).to_python()
        assert len(head) == len(table.columns)
        assert len(read) == len(table.rows)
        for row, cells in zip(table.rows, read, strict=True):
            for column, cell in zip(table.columns, cells, strict=True):
                assert same(column, row, cell, voice), (table.name, column.name, cell)


def same(column: Column, row: Mapping[str, Any], cell: Any, voice: Voice) -> bool:
    """Whether a cell that was read holds the row's value, as a number or a time where it is one."""
    value = column.of(row)
    if value is None or value == "":
        return bool(cell == "")
    if column.holds in {"amount", "percent"}:
        return isinstance(cell, float) and Decimal(str(cell)) == Decimal(value)
    if column.holds == "count":
        return isinstance(cell, float) and int(cell) == value
    if column.holds == "time":
        local = datetime.fromisoformat(value).astimezone(MOSCOW).replace(tzinfo=None, microsecond=0)
        return isinstance(cell, datetime) and cell == local
    if column.holds in {"word", "days"}:
        return bool(cell == in_words(column, row, voice))
    return bool(cell == (voice.sentence(value) if column.name == "because" else value))


def test_xlsx_has_no_formula_and_ids_stay_text() -> None:
    import zipfile

    archive = zipfile.ZipFile(io.BytesIO(RENDER["xlsx"](document([HOSTILE_FINDING], full_facts()))))
    sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
    assert not any("<f>" in sheet for sheet in sheets)
    assert any('<pane ySplit="1"' in sheet for sheet in sheets)
    assert any("<autoFilter" in sheet for sheet in sheets)
    assert "2026-11-22T09:30:00Z" in archive.read("docProps/core.xml").decode()


def test_xlsx_statement_holds_every_line_with_its_sign() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(RENDER["xlsx"](document())))
    rows = book.get_sheet_by_name("Statement").to_python()[1:]
    received = [row for row in rows if row[2] == "Charges"][-1]
    assert received[3:] == ["received", "=", 120.0, 84000.0, "yes"]


def test_an_amount_with_more_digits_than_a_spreadsheet_keeps_stays_exact_as_text() -> None:
    report = document([finding(amount="90071992547409.91")])
    book = CalamineWorkbook.from_filelike(io.BytesIO(RENDER["xlsx"](report)))
    head, row = book.get_sheet_by_name("Findings").to_python()
    assert dict(zip(head, row, strict=True))["Amount"] == "90071992547409.91"


def test_csv_has_a_row_for_each_finding_and_plain_amounts() -> None:
    rows = list(csv.DictReader(io.StringIO(RENDER["csv"](document([finding(amount="-5.00")])).decode(), newline="")))
    assert len(rows) == 1
    assert list(rows[0]) == ["listing", *(column.name for column in FINDINGS)]
    assert (rows[0]["listing"], rows[0]["amount"], rows[0]["currency"]) == ("new", "-5.00", "RUB")


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x", "  =x", "\u3000=x", "＝x"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "a=b", "1-2", "'=x"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_csv_and_json_mean_the_same_to_programs_in_every_language() -> None:
    report = document([finding()])
    english, russian = (
        next(csv.DictReader(io.StringIO(RENDER["csv"](report, language=language).decode(), newline="")))
        for language in ("en", "ru")
    )
    assert {name for name in english if english[name] != russian[name]} == {"explanation"}
    assert RENDER["json"](report, language="ru") == RENDER["json"](report)


def test_markdown_of_a_buyers_text_formats_nothing() -> None:
    said = RENDER["md"](document([HOSTILE_FINDING], full_facts())).decode()
    assert "<script>" not in said.replace("\\<", "")
    assert "[x](" not in said
    assert "**bold**" not in said
    assert safe("a|b\nc https://x.example") == "a\\|b c https:\\//x.example"


def test_markdown_shows_both_identities() -> None:
    said = RENDER["md"](document()).decode()
    assert "| **= received** | 120 | 84,000.00 |" in said
    assert "| **= at the end** | 3 | 2,100.00 |" in said


def test_json_is_the_document() -> None:
    report = document([finding()])
    assert json.loads(RENDER["json"](report)) == report


def test_an_unknown_currency_and_provider_do_not_stop_a_report() -> None:
    entry = books(provider="third", currency="ABCD")
    entry["charges"]["excluded"]["brand_new"] = total()
    assert b"third" in RENDER["html"](document([], providers=[entry]))
