"""The policy, clause by clause: where each applies and where it does not; calendars, deadlines, states, ratios."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.policy import CLAUSES, RULES, Matter, judge_request, stated_reason
from reconciler.policy.calendar import business_deadline
from reconciler.policy.chargeback import checks
from reconciler.policy.disputes import STAGES, StageEvent, derive, due_at, scheme
from reconciler.policy.ratio import Month
from tests.policy_examples import BOUGHT, DISPUTE, EXAMPLES, NOW, matter

MOSCOW = ZoneInfo("Europe/Moscow")
APPLIES = [(clause, one) for clause, (yes, _) in EXAMPLES.items() for one in yes]
SILENT = [(clause, one) for clause, (_, no) in EXAMPLES.items() for one in no]


def test_every_clause_has_a_function_and_examples_of_both_kinds() -> None:
    assert set(RULES) == set(CLAUSES) == set(EXAMPLES)
    assert all(yes and no for yes, no in EXAMPLES.values())


@pytest.mark.parametrize(("clause", "one"), APPLIES, ids=[clause for clause, _ in APPLIES])
def test_a_clause_applies_where_it_should_and_names_itself(clause: str, one: Matter) -> None:
    verdict = RULES[clause](one)
    assert verdict is not None
    assert verdict.clause == clause
    assert verdict.because.endswith(".")


@pytest.mark.parametrize(("clause", "one"), SILENT, ids=[clause for clause, _ in SILENT])
def test_a_clause_is_silent_where_it_only_looks_so(clause: str, one: Matter) -> None:
    assert RULES[clause](one) is None


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-20", 14, "2026-12-10"),
        ("2026-12-30", 1, "2027-01-11"),  # 31 December is a day off, moved from 4 January; then the holidays
        ("2025-10-31", 1, "2025-11-01"),  # a working Saturday
        ("2024-04-26", 1, "2024-04-27"),
        ("2027-02-19", 1, "2027-02-20"),
        ("2026-03-06", 1, "2026-03-10"),  # 8 March is a Sunday: Monday is off instead
    ],
)
def test_business_days_know_moved_days_and_working_saturdays(start: str, days: int, due: str) -> None:
    at = datetime.fromisoformat(f"{start}T12:00:00+03:00")
    deadline = business_deadline(at, days, "RU", MOSCOW)
    assert deadline.due_at.astimezone(MOSCOW).date().isoformat() == due
    assert deadline.known


def test_a_date_past_the_known_calendar_is_marked() -> None:
    assert not business_deadline(datetime(2035, 5, 1, tzinfo=UTC), 14, "RU", MOSCOW).known


def test_the_warning_comes_three_business_days_before_and_then_it_is_overdue() -> None:
    deadline = business_deadline(datetime(2026, 11, 20, 9, tzinfo=UTC), 14, "RU", MOSCOW)
    assert deadline.warn_at.astimezone(MOSCOW).date().isoformat() == "2026-12-07"
    second = timedelta(seconds=1)
    moments = (deadline.warn_at - second, deadline.warn_at, deadline.due_at, deadline.due_at + second)
    assert [deadline.state(at) for at in moments] == ["waiting", "due_soon", "due_soon", "overdue"]


HOURS = st.sampled_from([NOW, NOW + timedelta(hours=1)])
TOLD = st.dictionaries(st.tuples(st.sampled_from(STAGES), HOURS), st.none() | HOURS, min_size=1, max_size=8)


@given(st.data())
def test_what_a_dispute_adds_up_to_does_not_depend_on_the_order_of_hearing(data: st.DataObject) -> None:
    events = [StageEvent(stage, at, due) for (stage, at), due in data.draw(TOLD).items()]
    assert derive(data.draw(st.permutations(events))) == derive(events)


@pytest.mark.parametrize(
    ("stages", "state"),
    [
        (("opened", "prevented"), "open"),
        (("opened", "under_review", "won"), "won"),
        (("opened", "won", "second"), "open"),
        (("opened", "withdrawn", "arbitration"), "open"),
        (("opened", "won", "second", "lost"), "lost"),
        (("opened", "second", "pre_arbitration", "arbitration", "expired"), "lost"),
    ],
)
def test_stages_of_one_time_follow_each_other_as_in_the_life_of_a_dispute(stages: tuple[str, ...], state: str) -> None:
    told = [StageEvent(stage, NOW) for stage in stages]
    assert {derive(order).state for order in permutations(told)} == {state}


@given(st.lists(st.sampled_from(STAGES), min_size=1, max_size=8))
def test_a_late_alert_or_beginning_never_takes_an_outcome_back(stages: list[str]) -> None:
    events = [StageEvent(stage, NOW + timedelta(hours=number)) for number, stage in enumerate(stages)]
    before = derive(events)
    late = [StageEvent(stage, NOW + timedelta(days=9)) for stage in ("signal", "under_review", "opened")]
    if before.state not in {"signal", "prevented"}:
        assert derive([*events, *late]).state == before.state


@pytest.mark.parametrize(
    ("code", "name", "days"),
    [("10.4", "Visa", 18), ("4853", "Mastercard", 40), ("F29", "American Express", 14), ("x", "", 14)],
)
def test_the_answer_is_due_by_the_scheme_unless_the_provider_says(code: str, name: str, days: int) -> None:
    assert scheme(code) == name
    moscow = ZoneInfo("Europe/Moscow")
    last = (NOW + timedelta(days=days)).astimezone(moscow).date()
    end = datetime.combine(last, time(23, 59, 59), moscow)
    assert due_at(derive([StageEvent("opened", NOW)]), code, moscow) == end
    assert due_at(derive([StageEvent("opened", end - timedelta(days=days))]), code, moscow) == end
    given_date = NOW + timedelta(days=3)
    assert due_at(derive([StageEvent("opened", NOW, given_date)]), code, moscow) == given_date
    assert due_at(derive([StageEvent("opened", NOW), StageEvent("won", NOW)]), code, moscow) is None


def test_every_check_of_an_ordinary_chargeback_passes() -> None:
    assert all(check.passed for check in checks(BOUGHT, DISPUTE, NOW))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Я передумал", "change_of_mind"),
        ("списали дважды", "duplicate"),
        ("The quality is bad", "quality"),
        ("hello", "other"),
    ],
)
def test_the_stated_reason_is_read_in_both_languages(text: str, reason: str) -> None:
    assert stated_reason(text) == reason


def test_a_request_that_is_complete_gets_exactly_one_clause() -> None:
    assert judge_request(matter()).clause == "1"
    assert judge_request(matter()).refundable_minor == 600


@pytest.mark.parametrize(
    ("charges", "backs", "state"),
    [(99, 5, "too_few"), (100, 1, "over"), (1000, 8, "near"), (1000, 7, "ok"), (0, 0, "too_few"), (1000, 10, "over")],
)
def test_the_ratio_warns_only_with_enough_charges(charges: int, backs: int, state: str) -> None:
    assert Month("2026-11", "digiseller", "WMZ", charges, backs).shown(Decimal("1.0"), 100)["state"] == state
