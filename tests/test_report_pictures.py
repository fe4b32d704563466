"""The report's page in a real browser with the network off: on a desk and a phone, by day and by night, in mail."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from reconciler.report import html
from reconciler.report.document import Document
from tests.browser import chromium, opened
from tests.report_samples import HOSTILE, books, case, document, feed, finding, full_facts

LOOKS = [
    ("en", "light", 1100),
    ("ru", "dark", 1100),
    ("ru", "light", 390),
    *(
        pytest.param(*look, marks=pytest.mark.long)
        for look in (("en", "dark", 1100), ("en", "light", 390), ("ru", "light", 1100), ("ru", "dark", 390))
    ),
]
CONTRAST = """
element => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => value / 255);
    const linear = parts.map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const both = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all looks."""
    with chromium() as started:
        yield started


def whole() -> Document:
    """A report with something in every section, buyers' hostile text among it."""
    yesterday = "2026-11-20T08:00:00Z"
    buyers = [{"field": "buyer", "provider": "anna@mail.example", "shop": "boris@mail.example"}]
    rows = [
        finding("a", "duplicate_charge", severity="warning", case_id="c0ffee000001", policy_clause="3.duplicate_charge",
                recommendation="refund", related_transaction_ids=["200842911"], transaction_ids=["200842916"]),
        finding("b", "suspected_chargeback", transaction_ids=["200879229"], policy_clause="7", recommendation="manual",
                refundable_amount=None, case_id="c0ffee000002", explanation="700.00 RUB of charge 200879229 went back "
                "to the buyer, and no approved refund explains it: possibly a chargeback."),
        finding("c", first_seen_at=yesterday, order_id="6421e5f8-f974-47ff-9183-17dfae01bc22"),
        finding("d", "buyer_mismatch", severity="warning", first_seen_at=yesterday, differences=buyers),
        finding("e", "dispute_signal", severity="warning", explanation=HOSTILE, account_id=HOSTILE, policy_clause=None),
        finding("f", status="resolved", resolved_at="2026-11-22T08:00:00Z", resolution="the order was delivered"),
    ]  # fmt: skip
    stake = {"RUB": "2800.00", "USD": "12.50"}
    feeds = [feed(), feed("shop.orders"), feed("tribute.sales", complete=False, error="the provider answered 503")]
    cases = [case(due_in_days=-1, owner="Anna", transaction_id="200842916"), case("c0ffee000002", owner=HOSTILE)]
    cases += [case("c0ffee000003", due_in_days=400, transaction_id="80556774-06bd-4314-8c7e-acc0f77f082f:4294967296")]
    facts = full_facts(cases=cases)
    return document(rows, facts, at_stake=stake, feeds=feeds, providers=[books(), books("tribute", "USD")])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report as a file in each language."""
    folder = tmp_path_factory.mktemp("pages")
    files = {language: folder / f"{language}.html" for language in ("en", "ru")}
    for language, file in files.items():
        file.write_bytes(html.render(whole(), language))
    return files


def picture(page: Page, name: str, tmp_path: Path) -> Path:
    """Take a picture of the whole page, into $PICTURES where somebody wants to look at it."""
    path = Path(os.environ.get("PICTURES", tmp_path)) / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_the_page_fits_is_readable_and_asks_for_nothing(
    browser: Browser, pages: dict[str, Path], tmp_path: Path, language: str, scheme: str, width: int
) -> None:
    with opened(browser, pages[language], width, scheme) as (page, said):
        assert picture(page, f"report-{language}-{scheme}-{width}", tmp_path).stat().st_size > 10_000
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.locator(".scroll").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert width < 1000 or wide == 0
        assert page.evaluate("document.documentElement.lang") == language
        for selector in ("p", "h2", "dt", "dd", "a", "td", "th", "summary span", "figcaption"):
            worst = min(page.locator(selector).evaluate_all(f"found => found.map({CONTRAST})"))
            assert worst >= 4.5, selector
        assert said == []


def test_pictures_follow_the_pages_colours(browser: Browser, pages: dict[str, Path]) -> None:
    fills = {}
    for scheme in ("light", "dark"):
        with opened(browser, pages["en"], scheme=scheme) as (page, _said):
            assert page.locator("figure svg").count() == page.locator("figure[aria-label]").count() == 3
            first = page.locator("figure .mark-rect path").first
            fills[scheme] = first.evaluate("one => getComputedStyle(one).fill")
    assert fills["light"] != fills["dark"]


def test_every_link_within_the_page_leads_somewhere(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["en"]) as (page, _said):
        lost = page.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.hash.slice(1)))"
            ".filter(id => !document.getElementById(id))"
        )
        assert lost == []
        figures: list[str] = page.locator(".figures a").evaluate_all("found => found.map(a => a.hash)")
        assert figures == [
            "#at_stake", "#at_stake", "#new", "#persisting", "#resolved", "#cases", "#chargebacks", "#refunds"
        ]  # fmt: skip


def test_a_link_into_a_folded_part_unfolds_it(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "many.html"
    rows = [finding(f"charge:{number}", transaction_ids=[str(number)]) for number in range(30)]
    file.write_bytes(html.render(document(rows), "en"))
    with opened(browser, file) as (page, _said):
        assert not page.locator("details.kind").evaluate("one => one.open")
        page.locator("table.at_stake a").click()
        assert page.locator("details.kind").evaluate("one => one.open")


def test_without_style_and_pictures_as_some_mail_shows_it_nothing_is_lost(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    with opened(browser, pages["en"]) as (page, _said):
        before: Any = page.evaluate("document.body.textContent.replace(/\\s+/g, ' ')")
        page.evaluate("document.querySelectorAll('style, svg').forEach(one => one.remove())")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        picture(page, "report-mail", tmp_path)
        text = page.locator("body").inner_text()
    for words in ("Sunday, 22 November 2026", "5 findings to look at", "2,800.00 RUB", "overdue", "2 days left"):
        assert words in text
        assert words in before
    assert "2026-10-24" in text
