"""Every page of the dashboard in a real browser: axe is content, planted markup stays text, and pages are light."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.dashboard_browser import base, browser, open_as, stage
from tests.dashboard_world import Stage

__all__ = ["base", "browser", "open_as", "stage"]

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.filter(v => ['serious', 'critical']"
SERIOUS += (
    ".includes(v.impact)).map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join(' | ')))"
)


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}], ids=["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page_and_planted_markup_stays_text(
    stage: Stage, open_as: Any, look: dict[str, str]
) -> None:
    seen = open_as(
        "ada", bypass_csp=True, **look
    )  # axe itself is put into the page; the planted script must not run even so
    pages = ["/", "/findings", f"/findings/{stage.ids['finding']}", "/cases?status=open", f"/cases/{stage.ids['case']}",
             f"/cases/{stage.ids['planted']}", "/chargebacks", "/reviews/new", "/outbox", "/events",
             f"/events/{stage.ids['event']}", "/jobs", "/reports", "/audit", "/audit/verify", "/settings",
             "/api/v1/docs"]  # fmt: skip
    found = {}
    for path in pages:
        page = seen.to(path)
        page.evaluate(AXE)
        found[path] = page.evaluate(SERIOUS)
        assert page.evaluate("window.planted") is None, path
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    planted = seen.to(f"/cases/{stage.ids['planted']}")
    assert "<script>window.planted" in planted.inner_text("main")


@pytest.mark.parametrize("path", ["/", "/cases?status=open", "/findings"])
def test_the_first_paint_takes_less_than_100_kilobytes(open_as: Any, browser: Browser, base: str, path: str) -> None:
    cookies = open_as("ann").page.context.cookies()
    context = browser.new_context()
    context.add_cookies(cookies)
    page, taken = context.new_page(), []
    page.on(
        "requestfinished",
        lambda request: taken.append(
            sum(request.sizes()[name] for name in ("responseBodySize", "responseHeadersSize"))
        ),
    )
    page.goto(base + path, wait_until="networkidle")
    context.close()
    assert 10_000 < sum(taken) < 100_000
