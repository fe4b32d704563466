"""A Russian report, alert and page hold no English sentence of ours; what others wrote stays as they wrote it."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from reconciler.alerts.texts import message
from reconciler.alerts.troubles import Watched, troubles
from reconciler.detectors.webhooks import _STORIES
from reconciler.report import FORMATS
from reconciler.store.engine import open_store
from reconciler.words.voice import Voice
from tests.alert_world import NOON, finding
from tests.dashboard_world import Person, staged
from tests.report_samples import case, document, feed, full_facts
from tests.report_samples import finding as public_finding
from tests.russian import english
from tests.test_alert_texts import alert, item

RU = Voice("ru", ZoneInfo("Europe/Moscow"))
PROBLEM = "digiseller.sales: DigiSeller answered seller-sells/v2 with 503 and a page instead of data (maintenance?)"
GAP = {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z", "reason": "the list has more than 500 pages"}
CLOSES_NOT = "open at end = open charges: 3 (1000 minor units) against 2 (900 minor units)"
RENDER = {one.name: one.render for one in FORMATS}


def troubled() -> dict[str, Any]:
    """A report of a day on which everything that can be said was said."""
    mismatch = public_finding(
        "charge:digiseller/2", "buyer_mismatch", reason="buyer_email",
        differences=[{"field": "buyer_email", "provider": "ann@example.com", "shop": "bob@example.org"}],
        explanation="Charge 2 and order order-2: the buyer differs, ann@example.com and bob@example.org.",
    )  # fmt: skip
    facts = full_facts(
        cases=[case(), case("c0ffee000002", because="The chargeback is lost; for a person: No account fits.")]
    )
    facts["approvals"][0]["note"] = "asked by ann@example.com"
    facts["audit"] = {"records": 1200, "head": "ab" * 32}
    made = document([public_finding(), mismatch], facts, problems=[PROBLEM],
                    feeds=[feed(error=PROBLEM.partition(": ")[2], gaps=[GAP])])  # fmt: skip
    made["statement"][0] |= {"closes": False, "broken": [CLOSES_NOT]}
    return made


def text_of(form: str, language: str = "ru") -> str:
    """What a person reads of the report in a form."""
    body = RENDER[form](troubled(), language)
    if form == "xlsx":
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        cells = (cell for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row)
        return "\n".join(str(cell) for cell in cells)
    text = body.decode()
    return re.sub(r"<(style|svg).*?</\1>|<[^>]+>", "\n", text, flags=re.DOTALL) if form == "html" else text


@pytest.mark.parametrize("form", ["html", "md", "xlsx"])
def test_a_russian_report_holds_no_english_sentence(form: str) -> None:
    text = text_of(form)
    assert "страница вместо данных" in text
    assert english(text.replace("asked by", "")) == []


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("form", sorted(RENDER))
def test_no_report_shows_the_address_of_a_buyer(form: str, language: str) -> None:
    text = text_of(form, language)
    assert not re.search(r"(ann|bob)@", text)
    assert "a***@e***.com" in text.replace("\\", "")


@pytest.mark.parametrize("form", ["html", "md", "xlsx"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_report_names_the_head_of_the_audit_chain(form: str, language: str) -> None:
    assert "ab" * 32 in text_of(form, language)


def test_a_russian_alert_holds_no_english_sentence_in_any_state() -> None:
    shown = [item(number, reason="completed") for number in range(1, 9)]
    some = [
        [alert(*shown[:2])],
        [alert(*shown, kind="storm")],
        [alert(shown[0], state="acknowledged", acknowledged_at=NOON, acknowledged_by="a decision")],
        [alert(shown[0], state="resolved", resolved_at=NOON)],
        [alert(shown[0], snoozed_until=NOON)],
        [alert(shown[0], id="a" * 12), alert(shown[1], id="b" * 12)],
        *([alert(said={"title": one.title, "text": one.text})] for one in wrong()),
    ]
    for parts in some:
        for held_back, repeated in ((0, False), (3, True)):
            told = message(parts, zone=RU.zone, language="ru", held_back=held_back, repeated=repeated)
            assert english(f"{told.title}\n{told.plain}") == [], told


def wrong() -> list[Any]:
    """Everything that can be wrong with the program's own work."""
    ago = NOON - timedelta(hours=3)
    found = troubles(
        Watched(
            jobs={"pull": ago},
            feeds={"digiseller.sales": (ago, "the answer was cut short"), "tribute.orders": (None, "no answer (x)"),
                   "shop.orders": (ago, None)},
            oldest_feed=timedelta(hours=1),
            waiting=1200,
            due_since=ago,
            failing={"mailto:1": (ago, "it did not go through")},
            held={"mailto:1": 4},
        ),
        NOON,
    )  # fmt: skip
    assert len(found) == 8
    return list(found)


@pytest.mark.parametrize("provider", ["tribute", "digiseller"])
@pytest.mark.parametrize("reason", sorted(_STORIES))
def test_what_is_said_of_webhooks_has_its_russian_form(reason: str, provider: str) -> None:
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    rows = [{"subject": f"10{n:02}", "since": at, "until": at + timedelta(hours=3)} for n in range(12)]
    assert english(RU.sentence(_STORIES[reason](provider, rows))) == []


def test_russian_pages_hold_no_english_sentence(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    stage = staged(engine, tmp_path)
    ann = Person(stage, "ann")
    ann.client.cookies.set("language", "ru")
    refused = ann.send(f"/cases/{stage.ids['case']}/decide", action="refund", note="x", version="1", sure="yes")
    seen = {path: ann.get(path).text for path in (
        "/", "/findings", f"/findings/{stage.ids['finding']}", "/cases", f"/cases/{stage.ids['case']}",
        f"/cases/{stage.ids['planted']}", "/chargebacks", "/outbox", "/events", "/jobs", "/reports", "/audit",
    )} | {"refused": refused.text}  # fmt: skip
    engine.dispose()
    for path, page in seen.items():
        text = re.sub(r"<(style|script|svg|pre|code|datalist).*?</\1>|<[^>]+>", "\n", page, flags=re.DOTALL)
        assert english(text) == [], path


def test_a_finding_of_an_unknown_reason_is_told_by_its_kind() -> None:
    assert finding().reason is None
    told = message([alert(item())], zone=RU.zone, language="ru")
    assert english(told.plain) == []
