"""Every page of the dashboard in a real browser: axe is content, planted markup stays text, and pages are light."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.builders import World, charge, looked_up
from tests.dashboard_browser import base, browser, open_as, stage
from tests.dashboard_world import NOW, Stage, before

__all__ = ["base", "browser", "open_as", "stage"]

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.filter(v => ['serious', 'critical']"
SERIOUS += (
    ".includes(v.impact)).map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join(' | ')))"
)


FULL = {"/findings", "/cases?status=open"}
LONG_REF = "63741293-4080-400f-86d0-33d26f7928"
"""As long as references are."""


def pages(stage: Stage) -> list[str]:
    """Every page, with ids that are there."""
    ids = stage.ids
    return ["/", "/findings", f"/findings/{ids['finding']}", "/cases?status=open", f"/cases/{ids['case']}",
            f"/cases/{ids['planted']}", "/chargebacks", "/reviews/new", "/outbox", "/events", f"/events/{ids['event']}",
            "/jobs", "/reports", "/audit", "/audit/verify", "/settings", "/api/v1/docs"]  # fmt: skip


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}], ids=["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page_and_planted_markup_stays_text(
    stage: Stage, open_as: Any, look: dict[str, str]
) -> None:
    seen = open_as(
        "ada", bypass_csp=True, **look
    )  # axe itself is put into the page; the planted script must not run even so
    found = {}
    for path in pages(stage):
        page = seen.to(path)
        page.evaluate(AXE)
        found[path] = page.evaluate(SERIOUS)
        assert page.evaluate("window.planted") is None, path
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    planted = seen.to(f"/cases/{stage.ids['planted']}")
    assert "<script>window.planted" in planted.inner_text("main")


def test_the_first_paint_of_every_page_takes_less_than_100_kilobytes(
    stage: Stage, open_as: Any, browser: Browser, base: str
) -> None:
    world, times = World(stage.engine, stage.settings, now=NOW), {"occurred_at": before(days=3)}
    world.add(*(charge(f"{LONG_REF}{number}", **times, buyer_email=f"l{number}@example.com") for number in range(60)))
    world.add(*(looked_up(f"{LONG_REF}{number}", read_at=NOW) for number in range(60))).judge()
    cookies = open_as("ada").page.context.cookies()
    for path in pages(stage):
        context = browser.new_context()
        context.add_cookies(cookies)
        page, taken = context.new_page(), []
        page.on(
            "requestfinished",
            lambda request, taken=taken: taken.append(
                sum(request.sizes()[name] for name in ("responseBodySize", "responseHeadersSize"))
            ),
        )
        page.goto(base + path, wait_until="networkidle")
        assert page.locator("tr[data-row]").count() in ({50} if path in FULL else range(51)), path
        context.close()
        assert 10_000 < sum(taken) < 100_000, path
