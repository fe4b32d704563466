"""The dashboard in a real browser: an operator's day, two at once, the keyboard, both languages, dark, a phone."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from reconciler.schema_users import web_sessions
from reconciler.store.engine import write
from tests.dashboard_browser import PHONE, base, browser, open_as, rows, stage
from tests.dashboard_world import NOW, PASSWORD, Stage

__all__ = ["base", "browser", "open_as", "stage"]


def test_an_operator_logs_in_filters_decides_and_sees_the_command_in_the_outbox(stage: Stage, open_as: Any) -> None:
    page = open_as("ann").page
    expect(page.locator(".verdict .word")).to_have_text("Findings")
    page.click("aside >> text=Cases")
    page.select_option("select[name=status]", "open")
    page.fill("#search", "1001")
    page.click("text=Show")
    assert "q=1001" in page.url
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.click("tr[data-row] a")
    expect(page.locator("h1")).to_contain_text("Chargeback 1001")
    page.fill("#decide textarea", "card reported stolen")
    page.click("#decide button[value=suspend]")
    expect(page.locator("h1")).to_have_text("Are you sure?")
    expect(page.locator(".verdict")).to_contain_text("account.suspend for account acc")
    assert rows(stage, "SELECT * FROM outbox WHERE channel = 'command'") == []
    page.click("text=Yes: Suspend")
    expect(page.locator("[role=status]")).to_have_text("Decided.")
    page.click("aside >> text=Outbox")
    expect(page.locator("tr[data-row]").first).to_contain_text("account.suspend")
    by = rows(stage, "SELECT decided_by, reason FROM commands")
    assert [tuple(row) for row in by] == [("ann", "card reported stolen")]


def test_of_two_operators_one_decides_and_the_other_is_told(stage: Stage, open_as: Any) -> None:
    first, second = open_as("ann"), open_as("bob")
    for seen in (first, second):
        page = seen.to(f"/cases/{stage.ids['case']}")
        page.fill("#decide textarea", "looked at it")
        page.click("#decide button[value=dismiss]")
        expect(page.locator("h1")).to_have_text("Are you sure?")
    first.page.click("text=Yes: Dismiss")
    second.page.click("text=Yes: Dismiss")
    expect(first.page.locator("[role=status]")).to_have_text("Decided.")
    expect(second.page.locator("[role=alert]")).to_contain_text("changed since you looked")
    assert len(rows(stage, "SELECT * FROM case_events WHERE event = 'decided'")) == 1


def test_a_case_is_snoozed_woken_noted_and_opened_again(stage: Stage, open_as: Any) -> None:
    page = open_as("ann").to(f"/cases/{stage.ids['case']}")
    page.click("#snooze summary")
    page.fill("#snooze input[name=until]", (NOW + timedelta(days=5)).date().isoformat())
    page.click("#snooze button")
    expect(page.locator(".facts")).to_contain_text("snoozed until")
    page.click("text=Wake now")
    expect(page.locator("#decide")).to_be_visible()
    page.click("text=Add a note")
    page.fill("textarea[name=text]", "<b>asked</b> the bank")
    page.click("text=Keep the note")
    expect(page.locator(".timeline")).to_contain_text("<b>asked</b> the bank")


def test_many_cases_are_decided_at_once_after_their_number_and_money_were_shown(stage: Stage, open_as: Any) -> None:
    page = open_as("ann").to("/cases?status=open&kind=undelivered_order")
    page.check("[data-all]")
    chosen = page.locator("input[name=case]:checked").count()
    assert chosen >= 6
    page.select_option("select[name=action]", "dismiss")
    page.fill("input[name=note]", "test orders")
    page.click("text=Next: what would follow")
    expect(page.locator(".verdict")).to_contain_text(f"{chosen} cases")
    expect(page.locator(".verdict")).to_contain_text(f"{chosen * 10}.00 WMZ")
    page.click(f"text=yes, all {chosen}")
    expect(page.locator("[role=status]")).to_contain_text(f"{chosen} cases decided")
    assert len(rows(stage, "SELECT * FROM cases WHERE status != 'open' AND kind = 'undelivered_order'")) == chosen


def test_a_review_request_is_entered_with_its_file(stage: Stage, open_as: Any, tmp_path: Path) -> None:
    proof = tmp_path / "proof.txt"
    proof.write_bytes(b"x" * 3_000_000)
    page = open_as("ann").to("/reviews/new")
    page.fill("input[name=order]", "A1")
    page.fill("input[name=email]", "buyer@example.com")
    page.fill("input[name=account]", "acc")
    page.fill("textarea[name=text]", "I was charged twice")
    page.set_input_files("input[name=evidence]", proof)
    page.click("text=Enter")
    expect(page.locator("[role=status]")).to_have_text("Entered.")
    expect(page.locator("blockquote").first).to_be_visible()
    assert len(rows(stage, "SELECT * FROM reviews WHERE order_id = 'A1'")) == 1


def test_a_filter_is_saved_under_a_name_and_the_list_exported(open_as: Any) -> None:
    page = open_as("vic").to("/findings?severity=critical")
    page.click("text=Save this view")
    page.fill(".views input[name=name]", "urgent ones")
    page.click(".views >> text=Save >> nth=-1")
    page.click("text=urgent ones")
    assert "severity=critical" in page.url
    with page.expect_download() as download:
        page.click("text=Export")
    content = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert content.startswith("id,kind,severity")
    assert "warning" not in content


def test_the_keyboard_moves_opens_takes_and_helps(stage: Stage, open_as: Any) -> None:
    page = open_as("ann").to("/cases?status=open")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    expect(page.locator("tr.current")).to_have_count(1)
    id_ = page.locator("tr.current").get_attribute("data-case")
    page.keyboard.press("a")
    expect(page.locator(f"tr[data-case='{id_}'] [data-label=Owner]")).to_have_text("ann")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/cases/[0-9a-f]{12}"))
    page.keyboard.press("s")
    expect(page.locator("#snooze input[name=until]")).to_be_focused()
    page.goto(page.url.rpartition("/cases")[0] + "/cases")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_russian_is_spoken_throughout_and_remembered(open_as: Any) -> None:
    page = open_as("ann", locale="ru-RU").page
    expect(page.locator("h1")).to_have_text("Сегодня")
    page.click("aside >> text=Дела")
    expect(page.locator("th >> text=Рекомендуется")).to_be_visible()
    page.select_option("aside select[name=language]", "en")
    page.click("aside >> text=Применить")
    expect(page.locator("h1")).to_have_text("Cases")
    time = page.locator("aside time, main time").first
    if time.count():
        assert "UTC" in (time.get_attribute("title") or "")


def test_dark_is_dark_and_the_phone_needs_no_sideways_scrolling(stage: Stage, open_as: Any) -> None:
    dark = open_as("ann", color_scheme="dark").page
    assert _brightness(dark) < 60
    dark.select_option("aside select[name=theme]", "light")
    dark.click("aside >> text=Apply")
    assert _brightness(dark) > 200
    phone = open_as("ann", **PHONE)
    for path in ("/", "/cases?status=open", f"/cases/{stage.ids['case']}", "/findings", "/audit"):
        page = phone.to(path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    page.click("text=Menu")
    page.click(".menu >> text=Outbox")
    expect(page.locator("h1")).to_have_text("Outbox")


def _brightness(page: Page) -> int:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return max(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_a_page_that_lies_open_shows_by_itself_what_happened_meanwhile(stage: Stage, open_as: Any) -> None:
    seen = open_as("ann")
    seen.page.clock.install()
    page = seen.to("/outbox")
    expect(page.locator("main")).to_contain_text("Nothing is there.")
    other = open_as("bob").to(f"/cases/{stage.ids['case']}")
    other.fill("#decide textarea", "fraud")
    other.click("#decide button[value=suspend]")
    other.click("text=Yes: Suspend")
    page.clock.fast_forward(11_000)
    expect(page.locator("tr[data-row]")).to_contain_text("account.suspend")


def test_what_somebody_is_busy_with_is_not_exchanged_under_their_hands(stage: Stage, open_as: Any) -> None:
    seen = open_as("ann")
    seen.page.clock.install()
    page = seen.to("/cases?status=open")
    page.check("input[name=case] >> nth=0")
    with write(stage.engine) as connection:
        connection.execute(sa.text("UPDATE cases SET owner = 'bob'"))
    page.clock.fast_forward(31_000)
    expect(page.locator("input[name=case]:checked")).to_have_count(1)
    page.uncheck("input[name=case] >> nth=0")
    page.locator("h1").click()
    page.clock.fast_forward(31_000)
    expect(page.locator("tr[data-row] [data-label=Owner]").first).to_have_text("bob")


def test_a_session_that_has_ended_leads_to_the_door_and_back_to_the_page(stage: Stage, open_as: Any) -> None:
    seen = open_as("ann")
    seen.page.clock.install()
    page = seen.to("/cases?status=open")
    _age_sessions(stage, hours=3)
    page.click("aside >> text=Outbox")
    page.wait_for_url(re.compile(r"/login\?next="))
    page.fill("input[name=name]", "ann")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Outbox")
    _age_sessions(stage, hours=3)
    page.clock.fast_forward(11_000)  # the page asks by itself, and is led away instead of showing old things for ever
    page.wait_for_url(re.compile(r"/login\?next=%2Foutbox"))
    seen.complaints[:] = [one for one in seen.complaints if "401 (Unauthorized)" not in one]


def test_a_page_that_only_refreshes_itself_keeps_no_session_alive(stage: Stage, open_as: Any) -> None:
    seen = open_as("ann")
    seen.page.clock.install()
    page = seen.to("/outbox")
    _age_sessions(stage, minutes=30)
    before = rows(stage, "SELECT seen_at FROM web_sessions")
    with page.expect_response("**/outbox"):
        page.clock.fast_forward(11_000)
    assert rows(stage, "SELECT seen_at FROM web_sessions") == before
    seen.to("/outbox")
    assert rows(stage, "SELECT seen_at FROM web_sessions") != before


def _age_sessions(stage: Stage, **span: float) -> None:
    """As if nobody had looked at any page for so long."""
    with write(stage.engine) as connection:
        connection.execute(sa.update(web_sessions).values(seen_at=NOW - timedelta(**span)))


def test_a_case_is_snoozed_from_the_list_by_one_key(stage: Stage, open_as: Any) -> None:
    page = open_as("ann").to("/cases?status=open")
    page.keyboard.press("j")
    id_ = page.locator("tr.current").get_attribute("data-case")
    page.keyboard.press("s")
    page.wait_for_url(re.compile(rf"/cases/{id_}#snooze"))
    page.check("#snooze input[name=grows]")
    page.click("#snooze button")
    expect(page.locator("[role=status]")).to_have_text("Snoozed.")
    assert [row.id for row in rows(stage, "SELECT id FROM cases WHERE status = 'snoozed'")] == [id_]


def test_a_decision_is_undone_by_opening_the_case_again(stage: Stage, open_as: Any) -> None:
    page = open_as("ann").to(f"/cases/{stage.ids['planted']}")
    page.fill("#decide textarea", "a test order")
    page.click("#decide button[value=dismiss]")
    page.click("text=Yes: Dismiss")
    expect(page.locator("#decide")).to_have_count(0)
    page.fill("input[name=note]", "it was none")
    page.click("text=Open again")
    expect(page.locator("#decide")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("it was none")
