"""What the tests of the dashboard in a browser share: Chromium, the served application, and windows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from reconciler.store.engine import open_store
from tests.dashboard_world import PASSWORD, Stage, served, staged

CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@dataclass
class Seen:
    """A page with what it complained about and where it asked."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        """Go there."""
        self.page.goto(self.base + path)
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The application with everything in it."""
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    yield staged(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def base(stage: Stage) -> Iterator[str]:
    """Where it is served."""
    with served(stage.app) as address:
        yield address


@pytest.fixture
def open_as(browser: Browser, base: str) -> Iterator[Any]:
    """Opens a browser window for somebody; at the end none may have complained or asked elsewhere."""
    opened: list[tuple[BrowserContext, Seen]] = []

    def log_in(name: str, **options: Any) -> Seen:
        context = browser.new_context(**{"locale": "en-US", **options})
        seen = Seen(context.new_page(), base)
        seen.page.on("console", lambda message: _heard(seen, message))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        context.set_default_timeout(20_000)
        opened.append((context, seen))
        page = seen.to("/login")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"{base}/")
        return seen

    yield log_in
    for context, seen in opened:
        context.close()
        assert seen.complaints == []
        assert [url for url in seen.asked if not url.startswith((base, "data:"))] == []


def _heard(seen: Seen, message: Any) -> None:
    if message.type in {"error", "warning"} and "409 (Conflict)" not in message.text:
        seen.complaints.append(message.text)


def rows(stage: Stage, text: str) -> list[Any]:
    """What the store answers."""
    with stage.engine.connect() as connection:
        return list(connection.execute(sa.text(text)))
