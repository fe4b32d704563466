"""What people read, in every language: nothing is missing in one, and numbers, plurals and times are the language's."""

import re
import string
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from reconciler.detectors import DETECTORS
from reconciler.findings import SEVERITIES
from reconciler.policy import CLAUSES
from reconciler.policy.disputes import STAGES
from reconciler.report.story import story
from reconciler.report.texts import KINDS
from reconciler.statement import EXCLUDED
from reconciler.words import LANGUAGES, say, texts
from reconciler.words.voice import Voice
from tests.report_samples import finding

ROOT = Path(__file__).resolve().parent.parent
MOSCOW = ZoneInfo("Europe/Moscow")
EN, RU = Voice("en", MOSCOW), Voice("ru", MOSCOW)
OWN = ("story.", "resolution.", "clause.", "zone.")
"""What English has elsewhere: in the detectors' own sentences, and in the policy's clauses."""


def blanks(text: str) -> set[str]:
    """The names of the values that a text takes."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def forms(text: str | Mapping[str, str]) -> Mapping[str, str]:
    """A text's plural forms; a plain one has one."""
    return {"other": text} if isinstance(text, str) else text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_other_languages_is_there_with_the_same_values(language: str) -> None:
    for other in LANGUAGES:
        shared = {key for key in texts(other) if not key.startswith(OWN)}
        assert shared - set(texts(language)) == set()
        for key in shared:
            here, there = (set.union(*map(blanks, forms(texts(one)[key]).values())) for one in (language, other))
            assert here == there, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plural_has_every_form_that_its_language_needs(language: str) -> None:
    needed = set(Locale.parse(language).plural_form.tags) | {"other"}
    plurals = {key: text for key, text in texts(language).items() if not isinstance(text, str)}
    assert plurals
    for key, text in plurals.items():
        assert set(text) == needed, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_the_program_uses_has_a_text(language: str) -> None:
    words = [f"severity.{name}" for name in SEVERITIES]
    words += [f"stage.{name}" for name in STAGES]
    words += [f"excluded.{name}" for name in EXCLUDED]
    words += [f"kind.{kind}.{what}" for kind in KINDS for what in ("title", "meaning")]
    advice = ("refund", "deliver", "decline", "suspend", "forfeit", "ban", "reinstate", "manual", "none")
    words += [f"advice.{name}" for name in advice]
    assert set(words) <= set(texts(language))


def test_every_text_that_code_and_templates_name_is_there() -> None:
    known, missing, count = set(texts("en")), set(), 0
    for path in (ROOT / "reconciler").rglob("*"):
        if path.suffix in {".py", ".j2"}:
            text = path.read_text(encoding="utf-8")
            named = set(re.findall(r"""\b(?:say|knows)\(["']([a-z_.]+)["'](?=[,)])""", text)) - set(LANGUAGES)
            pages = "dashboard" in path.parts
            forms = {key: {key, f"web.{key}", f"{key}.title"} if pages else {key} for key in named}
            missing |= {(path.name, key) for key, written in forms.items() if not written & known}
            count += len(named)
    assert count > 50
    assert missing == set()


def test_russian_tells_every_kind_of_finding_and_every_clause_by_itself() -> None:
    told = {key.split(".")[1] for key in texts("ru") if key.startswith("story.")}
    assert told == {kind for detector in DETECTORS for kind in detector.kinds}
    assert {f"clause.{name}" for name in CLAUSES} <= set(texts("ru"))
    told = story(finding(reason="not_fulfilled"), RU)
    assert told == "Платёж 1 на 700,00\u00a0₽ оплачен, а заказ order-1 не выдан."


def test_a_reason_without_a_text_keeps_the_detectors_own_sentence() -> None:
    new = finding(kind="reference_conflict", reason="a_newer_one")
    assert story(new, RU) == story(new, EN) == new["explanation"]


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1 расхождение"), (2, "2 расхождения"), (5, "5 расхождений"), (11, "11 расхождений"),
     (21, "21 расхождение"), (112, "112 расхождений"), (1002, "1\u00a0002 расхождения")],
)  # fmt: skip
def test_russian_counts_as_russians_do(number: int, text: str) -> None:
    assert say("ru", "finding", n=number) == text


@pytest.mark.parametrize(
    ("amount", "currency", "english", "russian"),
    [
        ("84000.00", "RUB", "84,000.00 RUB", "84\u00a0000,00\u00a0₽"),
        ("-5", "JPY", "-5 JPY", "-5\u00a0JPY"),
        ("90071992547409.07", "WMR", "90,071,992,547,409.07 WMR", "90\u00a0071\u00a0992\u00a0547\u00a0409,07\u00a0WMR"),
        ("0.000000015", "USDT", "0.000000015 USDT", "0,000000015\u00a0USDT"),
        (None, "RUB", "–", "–"),
    ],
)  # fmt: skip
def test_money_is_written_in_full_and_as_the_language_has_it(
    amount: str | None, currency: str, english: str, russian: str
) -> None:
    assert (EN.money(amount, currency), RU.money(amount, currency)) == (english, russian)


def test_times_are_the_zones_and_name_it() -> None:
    assert EN.time("2026-11-22T09:30:00Z") == "2026-11-22 12:30 MSK"
    assert RU.time("2026-11-22T09:30:00Z") == "22.11.2026 12:30 МСК"
    assert Voice("ru", ZoneInfo("Europe/Berlin")).time("2026-11-22T09:30:00Z") == "22.11.2026 10:30 CET"
    assert RU.day(date(2026, 11, 22)) == "Воскресенье, 22 ноября 2026"
    assert RU.age(11_999) == "3 ч 19 мин"


def test_a_text_is_not_given_twice_and_an_unknown_word_stands_for_itself() -> None:
    assert say("ru", "state.brand_new") == "brand new"
