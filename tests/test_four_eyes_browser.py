"""Two people for one decision, as they see it in a browser: one is told to wait, and only somebody else confirms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reconciler.store.engine import open_store
from tests.dashboard_browser import base, browser, open_as, rows
from tests.dashboard_world import Stage, staged

__all__ = ["base", "browser", "open_as"]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The dashboard, in a store where two have to decide."""
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    yield staged(engine, tmp_path, policy={"four_eyes": True})
    engine.dispose()


def test_who_asked_is_told_to_wait_and_is_no_second_one_and_somebody_else_confirms(stage: Stage, open_as: Any) -> None:
    case = f"/cases/{stage.ids['case']}"
    ann = open_as("ann").to(case)
    choose_to_suspend(ann)
    expect(ann.locator(".verdict")).to_contain_text("Nothing leaves yet: a second operator, somebody else")
    ann.click("text=Yes: Suspend")
    expect(ann.locator("[role=status]")).to_contain_text("Nothing leaves until a second operator decides the same.")
    choose_to_suspend(ann)
    expect(ann.locator("[role=alert]")).to_contain_text("a second operator, somebody else, has to decide the same")
    assert decided_by(stage) == []
    bob = open_as("bob").to(case)
    expect(bob.locator("main")).to_contain_text("Suspend: ann has decided so, and a second operator")
    choose_to_suspend(bob)
    expect(bob.locator(".verdict")).to_contain_text("ann has decided the same: you are the second.")
    bob.click("text=Yes: Suspend")
    expect(bob.locator("[role=status]")).to_have_text("Decided.")
    assert decided_by(stage) == ["ann, bob"]


def choose_to_suspend(page: Page) -> None:
    """Say why, and press the button: what would follow is shown, or why it may not be."""
    page.fill("#decide textarea", "card reported stolen")
    page.click("#decide button[value=suspend]")


def decided_by(stage: Stage) -> list[str]:
    """Who decided the commands that were made."""
    return [row.decided_by for row in rows(stage, "SELECT decided_by FROM commands")]
