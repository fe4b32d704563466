"""The day's report as a document: what is in it, in which order, and how days are counted."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reconciler.findings import iso
from reconciler.report.document import build, by_kind, most_severe_first, sentence
from reconciler.report.lines import identity, ledgers
from reconciler.report.period import Period
from reconciler.report.shown import age, money, number, time
from reconciler.report.texts import KINDS, say, title
from reconciler.words import texts
from tests.report_samples import AT, DAY, MOSCOW, books, document, finding, statement, total

BEFORE = iso(AT - timedelta(days=3))


def test_findings_are_new_still_open_or_resolved_on_the_day() -> None:
    rows = [
        finding("a"),
        finding("b", first_seen_at=BEFORE),
        finding("c", first_seen_at=BEFORE, status="resolved", resolved_at=iso(AT)),
        finding("d", first_seen_at=BEFORE, status="resolved", resolved_at=BEFORE),
        finding("e", status="dismissed"),
    ]
    report = document(rows)
    assert report["findings"]["new"] == [rows[0]]
    assert report["findings"]["persisting"] == [rows[1]]
    assert report["findings"]["resolved"] == [rows[2]]
    assert report["counts"] == {"new": 1, "persisting": 1, "resolved": 1}


def test_a_finding_that_came_back_on_the_day_is_new_again() -> None:
    row = finding("a", first_seen_at=BEFORE)
    report = build(DAY, statement([row]), [row], fresh={row["id"]})
    assert report["findings"]["new"] == [row]


def test_a_finding_of_midnight_belongs_to_the_day_that_begins() -> None:
    assert document([finding(first_seen_at=iso(DAY.start))])["counts"]["new"] == 1
    assert document([finding(first_seen_at=iso(DAY.start - timedelta(microseconds=1)))])["counts"]["new"] == 0


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_a_day_has_as_many_hours_as_the_clock_shows(day: date, hours: int) -> None:
    berlin = Period(day, ZoneInfo("Europe/Berlin"))
    assert berlin.end - berlin.start == timedelta(hours=hours)


def test_severity_comes_first_then_money_within_one_currency() -> None:
    rows = [
        finding("info", kind="unclaimed_order", severity="info", amount="9999.00"),
        finding("small", amount="9.00"),
        finding("large", amount="10.00"),
        finding("none", amount=None, currency=None),
        finding("dollars", amount="5000.00", currency="USD"),
        finding("warning", kind="buyer_mismatch", severity="warning", amount="800.00"),
    ]
    ordered = [rows.index(row) for row in most_severe_first(rows)]
    assert ordered == [2, 1, 4, 3, 5, 0]


def test_kinds_are_grouped_the_most_severe_first() -> None:
    rows = [
        finding("1", kind="unclaimed_order", severity="info"),
        finding("2", kind="buyer_mismatch", severity="warning"),
        finding("3"),
        finding("4", kind="buyer_mismatch", severity="warning"),
    ]
    assert [(kind, len(group)) for kind, group in by_kind(rows)] == [
        ("undelivered_order", 1),
        ("buyer_mismatch", 2),
        ("unclaimed_order", 1),
    ]


def test_each_verdict_is_a_sentence() -> None:
    info = finding(kind="unclaimed_order", severity="info")
    assert sentence(statement()) == "The books close, and nothing needs you."
    assert "1 finding for information only" in sentence(statement([info]))
    assert "2 findings to look at: 1 critical, 1 info" in sentence(statement([finding(), info]))
    assert "not everything" in sentence(statement(verdict="incomplete")).lower()
    broken = statement(verdict="does_not_close", providers=[books(closes=False, broken=["one against two"])])
    assert "DigiSeller RUB contradict" in sentence(broken)


def test_a_report_without_a_run_on_its_day_says_so() -> None:
    assert not document()["stale"]
    assert document(at=iso(DAY.start - timedelta(hours=1)))["stale"]


def test_feeds_are_as_old_as_they_were_at_the_run() -> None:
    assert [feed["age_s"] for feed in document()["feeds"]] == [180, 180, 180]
    assert document(feeds=[{**document()["feeds"][0], "last_success_at": None}])["feeds"][0]["age_s"] is None


def test_only_the_cited_clauses_are_quoted() -> None:
    assert list(document([finding()])["clauses"]) == ["3.undelivered"]
    assert document()["clauses"] == {}


def test_the_ledgers_add_up_as_they_are_printed() -> None:
    charges, open_items, reversals = ledgers(books())
    assert all(ledger.holds for ledger in (charges, open_items, reversals))
    assert [line.label for line in charges.lines] == [
        "matched", "open", "excluded: not paid yet", "excluded: grace period", "received",
    ]  # fmt: skip
    assert [line.sign for line in open_items.lines] == ["+", "+", "-", ""]


@pytest.mark.parametrize("wrong", [total(121, "84000.00"), total(120, "84000.01")])
def test_a_ledger_that_does_not_add_up_is_noticed_in_count_and_in_money(wrong: dict[str, object]) -> None:
    entry = books()
    entry["charges"]["received"] = wrong
    assert not ledgers(entry)[0].holds
    assert "≠" in identity(entry)


def test_money_and_times_read_well() -> None:
    assert money("1234567.50", "RUB") == "1,234,567.50 RUB"
    assert money("0.00000001", "BTC") == "0.00000001 BTC"
    assert money(None, "RUB") == "–"
    assert number("-1000") == "-1,000"
    assert time("2026-11-22T21:30:00Z", MOSCOW) == "2026-11-23 00:30 MSK"
    assert [age(value) for value in (0, 59, 60, 3_600, 4_000, 90_000, 172_800)] == [
        "0 s", "59 s", "1 min", "1 h", "1 h 6 min", "1 d 1 h", "2 d",
    ]  # fmt: skip


def test_a_word_without_a_text_stands_for_itself() -> None:
    assert say("excluded.brand_new") == "brand new"
    assert title("some_kind") == "Some kind"


def test_every_kind_that_is_looked_for_has_a_title_and_a_meaning() -> None:
    from reconciler.detectors import KINDS as DETECTED

    assert set(DETECTED) <= set(KINDS)


def test_every_word_that_the_statement_uses_has_a_text() -> None:
    from reconciler.statement import EXCLUDED, STANDINGS

    assert {f"excluded.{name}" for name in EXCLUDED} <= set(texts("en"))
    assert {f"line.{name}" for name in STANDINGS} <= set(texts("en"))


def test_a_day_begins_where_the_zone_says() -> None:
    assert DAY.start == datetime(2026, 11, 21, 21, tzinfo=UTC)
