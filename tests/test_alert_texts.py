"""What alerts say and how it is cut: text of others is data, and no cut falls inside a tag or an entity."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.simulators.telegram import _is_well_formed
from reconciler.alerts import limits
from reconciler.alerts.harmless import harmless
from reconciler.alerts.limits import Waiting, plan
from reconciler.alerts.model import Alert, Item
from reconciler.alerts.telegram.html import LIMIT, html, length, plain
from reconciler.alerts.texts import message
from reconciler.findings import document
from tests.alert_world import NOON, finding

MOSCOW = ZoneInfo("Europe/Moscow")
hostile = st.text(st.sampled_from("<>&\"'/a b;@.:😀\u202e\x00"), max_size=3000) | st.text(max_size=800)


def item(number: int = 1, **changes: Any) -> Item:
    """A finding as an alert tells of it."""
    found = finding(number, **changes)
    said = document(found)
    return Item(str(number), found.kind, found.severity, found.provider, said, found.amount_minor, found.currency)


def alert(*items: Item, **changes: Any) -> Alert:
    """An open alert."""
    values: dict[str, Any] = {
        "id": "a1b2c3d4e5f6", "kind": "findings", "subject": "x", "severity": "critical", "state": "open",
        "said": {"title": "T", "text": "X"}, "opened_at": NOON, "items": items,
    }  # fmt: skip
    return Alert(**(values | changes))


@given(st.lists(hostile, min_size=1, max_size=8))
def test_any_text_of_others_gives_html_that_telegram_takes(texts: list[str]) -> None:
    items = [item(number, explanation=text, account_id=text or None) for number, text in enumerate(texts)]
    shown = message([alert(*items)], zone=MOSCOW, public_url="https://desk.example")
    assert _is_well_formed(html(shown))
    assert length(html(shown)) <= LIMIT
    assert length(plain(shown)) <= LIMIT


@given(hostile, st.integers(60, 300))
def test_wherever_it_is_cut_no_tag_and_no_entity_is_broken(text: str, limit: int) -> None:
    shown = message([alert(item(explanation=text))], zone=MOSCOW)
    assert _is_well_formed(html(shown, limit))
    assert length(html(shown, limit)) <= limit


def test_forty_alerts_fit_into_one_message_and_the_end_says_that_there_is_more() -> None:
    many = [alert(item(n, explanation="&" * 900), id=f"{n:012}") for n in range(60)]
    text = html(message(many, zone=MOSCOW, held_back=True))
    assert length(text) <= LIMIT
    assert text.endswith("reconciler alerts list")
    assert "60 alerts were held back" in text


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("write to buyer@example.com", "buyer@example.com"),
        ("see https://evil.example/pay", "https://evil.example"),
        ("see evil.example", "evil.example"),
        ("t.me/evil", "t.me"),
        ("ask @admin", "@admin"),
        ("/start", "/start"),
        ("a\u202eb", "\u202e"),
        ("two\nlines", "\n"),
    ],
)
def test_nothing_of_others_becomes_a_link_or_shows_an_address_in_full(text: str, never: str) -> None:
    assert never not in harmless(text)


def test_plain_sentences_stay_as_they_are() -> None:
    text = "charge 7 of 5.40 USD went back on 2026-11-25 12:30 UTC; 3/4 of it, e.g. by card."
    assert harmless(text) == text


def test_sums_of_two_currencies_stand_side_by_side() -> None:
    shown = message([alert(item(1), item(2, currency="RUB", amount_minor=100))], zone=MOSCOW)
    assert "1.00 RUB, 5.40 USD" in shown.plain


@pytest.mark.parametrize(
    ("clock", "until"),
    [("22:59", None), ("23:00", "08:00"), ("03:00", "08:00"), ("07:59", "08:00"), ("08:00", None)],
)
def test_quiet_hours_go_over_midnight_in_the_configured_zone(clock: str, until: str | None) -> None:
    now = datetime.combine(NOON.date(), time.fromisoformat(clock), MOSCOW)
    got = limits.quiet_until((time(23), time(8)), MOSCOW, now.astimezone(UTC))
    assert (got and f"{got.astimezone(MOSCOW):%H:%M}") == until
    assert got is None or timedelta() < got - now <= timedelta(hours=9)


@given(
    st.lists(st.sampled_from(["critical", "warning"]), max_size=40),
    st.lists(st.integers(1, 3599), max_size=25),
    st.integers(1, 20),
    st.booleans(),
)
def test_the_limit_holds_and_every_message_goes_waits_or_is_told_with_others(
    severities: list[str], ages: list[int], limit: int, quiet: bool
) -> None:
    waiting = [Waiting(number, "tell", severity) for number, severity in enumerate(severities)]
    sent = sorted(NOON - timedelta(seconds=age) for age in ages)
    until = NOON + timedelta(hours=3) if quiet else None
    left, rounds = waiting, 0
    while left:
        got = plan(left, sent, limit, until, NOON)
        gone = set(got.postponed) | set(got.together) | ({got.first} if got.first is not None else set())
        assert gone, "something always moves on"
        assert not (set(got.together) & set(got.postponed))
        assert all(at > NOON for at in got.postponed.values())
        if got.together:
            severity = "critical" if any(severities[n] == "critical" for n in got.together if n < 1000) else "warning"
            left = [one for one in left if one.id not in gone]
            sent = [*sent, NOON]
            severities = [*severities, severity]
        else:
            left = [one for one in left if one.id not in gone]
            sent = [*sent, NOON] if got.first is not None else sent
        rounds += 1
    assert len(sent) <= max(limit, len(ages))


@pytest.mark.parametrize("text", ["", "x"])
def test_an_alert_without_findings_says_its_own_text(text: str) -> None:
    shown = message([alert(said={"title": "Late", "text": text})], zone=MOSCOW)
    assert "Late" in shown.title
