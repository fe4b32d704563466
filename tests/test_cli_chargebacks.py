"""Chargebacks, snoozing, one cause for many, and evidence, from outside: as an operator types it and sees it."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reconciler.model import Payment
from tests.builders import World, charge, looked_up, order, refund
from tests.cases_world import BOUGHT, NOW, decide, show, world
from tests.cli_world import Program, _logs_as_before, program

__all__ = ["_logs_as_before", "program", "world"]

MOSCOW = ZoneInfo("Europe/Moscow")
OPENED = (NOW - timedelta(days=1)).astimezone(MOSCOW).date()
NAMED = ("--provider", "digiseller", "--ref", "1001", "--amount", "10", "--currency", "WMZ")


def last_second(day: Any) -> str:
    """The end of a day in Moscow, as the program prints it."""
    return datetime.combine(day, time(23, 59, 59), MOSCOW).astimezone(UTC).isoformat().replace("+00:00", "Z")


def recorded(program: Program, *more: str, reason: str = "10.4") -> dict[str, Any]:
    """A chargeback that was opened on a day, told without the time."""
    call = ("chargeback", "record", *NAMED, "--reason", reason, "--opened-at", str(OPENED), *more, "--json")
    said: dict[str, Any] = program(*call).json()
    return said


@pytest.mark.parametrize(("reason", "days"), [("10.4", 18), ("4837", 40), ("C08", 14), ("UA02", 25), ("x", 14)])
def test_an_assumed_deadline_is_the_end_of_the_schemes_last_day_and_says_that_it_is_assumed(
    program: Program, world: World, reason: str, days: int
) -> None:
    said = recorded(program, reason=reason)
    assert (said["due_at"], said["due_given"]) == (last_second(OPENED + timedelta(days=days)), False)
    assert said["days_left"] == days - 1
    assert "assumed from the usual days" in " ".join(program("cases", "show", said["case_id"]).out.split())


def test_a_date_that_the_provider_names_is_counted_to_its_end_and_a_time_to_the_second(
    program: Program, world: World
) -> None:
    today = NOW.astimezone(MOSCOW).date()
    said = recorded(program, "--due-at", str(today))
    assert (said["due_at"], said["due_given"], said["days_left"]) == (last_second(today), True, 0)
    assert said["case"]["due_state"] != "overdue"
    told = program("cases", "show", said["case_id"]).out
    assert "less than a day left" in told
    assert "assumed" not in told
    exact = (NOW + timedelta(days=3)).replace(microsecond=0)
    update = ("chargeback", "update", said["id"], "--stage", "under_review", "--due-at", exact.isoformat(), "--json")
    assert program(*update).json()["due_at"] == exact.isoformat().replace("+00:00", "Z")


def test_a_due_date_that_is_told_later_takes_the_place_of_the_assumed_one(program: Program, world: World) -> None:
    assert not recorded(program)["due_given"]
    day = OPENED + timedelta(days=7)
    for more in (("--due-at", str(day)), ("--due-at", str(day)), ()):
        said = recorded(program, *more)
        assert (said["due_at"], said["due_given"], said["state"]) == (last_second(day), True, "open")
    assert len(said["stages"]) == 2


def test_a_snoozed_case_wakes_when_more_is_at_stake_and_not_before(program: Program, world: World) -> None:
    case = recorded(program)["case_id"]
    aside = program("cases", "snooze", case, "--until-amount-grows", "--by", "Ann", "--json").json()
    assert (aside["status"], aside["snoozed_above"]) == ("snoozed", "10.00")
    assert recorded(program)["case"]["status"] == "snoozed"
    more = tuple("12.50" if part == "10" else part for part in NAMED)
    call = ("chargeback", "record", *more, "--reason", "10.4", "--opened-at", str(OPENED), "--json")
    woken = program(*call).json()["case"]
    assert (woken["status"], woken["amount"], woken["timeline"][-1]["note"]) == (
        "open",
        "12.50",
        "the amount has grown",
    )


def test_one_refund_settles_every_case_of_its_charge(program: Program, world: World) -> None:
    world.add(charge("1000", occurred_at=BOUGHT), looked_up("1000"), looked_up("1001"))
    world.add(Payment("A1", "digiseller", "1000"), Payment("A1", "digiseller", "1001"))
    world.judge()
    [finding] = [row for row in program("findings", "--json").json() if row["kind"] == "duplicate_charge"]
    [surplus] = finding["transaction_ids"]
    ask = ("review", "add", "--order", surplus, "--email", "buyer@example.com", "--account", "acc", "--text", "twice")
    review = program(*ask, "--json").json()["case_id"]
    assert show(program, review)["related_case_ids"] == [finding["case_id"]]
    assert decide(program, review, "refund").code == 0
    other = show(program, finding["case_id"])
    assert (other["status"], other["timeline"][-1]["note"]) == ("decided", f"decided with case {review}")
    world.add(refund(surplus, occurred_at=NOW)).judge()
    assert [show(program, id_)["status"] for id_ in (review, finding["case_id"])] == ["resolved", "resolved"]


def packet(program: Program, id_: str) -> tuple[dict[str, Any], str]:
    """The evidence of a chargeback: its facts, and the page that people read."""
    said = program("chargeback", "evidence", id_, "--out", "out", "--json").json()
    folder = program.folder / said["folder"]
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return facts, (folder / "summary.html").read_text(encoding="utf-8")


def test_the_evidence_of_a_duplicate_shows_both_charges_and_why(program: Program, world: World) -> None:
    world.add(charge("1000", occurred_at=BOUGHT), looked_up("1000"), looked_up("1001"))
    world.add(Payment("A1", "digiseller", "1000"), Payment("A1", "digiseller", "1001"))
    world.judge()
    facts, page = packet(program, recorded(program, reason="12.6.1")["id"])
    [one] = facts["duplicates"]
    assert {row["ref"] for row in one["charges"]} == {"1000", "1001"}
    assert "paid more than once" in one["why"]
    assert all(ref in page for ref in ("1000", "1001"))


def test_the_evidence_of_a_visa_fraud_names_the_pairs_that_compel(program: Program, world: World) -> None:
    for number, days in enumerate((150, 200, 250)):
        at = NOW - timedelta(days=days)
        times = {"created_at": at, "delivered_at": at, "updated_at": at}
        world.add(charge(f"90{number}", occurred_at=at), order(f"K{number}", f"90{number}", account_id="acc", **times))
    world.judge()
    facts, page = packet(program, recorded(program)["id"])
    hint = facts["compelling_evidence"]
    assert (hint["applies"], hint["enough"]) == (True, True)
    assert {pair["ref"] for pair in hint["pairs"]} <= {"900", "901", "902"}
    assert all(pair["ref"] in page for pair in hint["pairs"])


def test_one_approval_explains_one_reversal_and_not_the_next(program: Program, world: World) -> None:
    approve = ("refund", "record", *NAMED, "--by", "Ann", "--note", "agreed")
    assert program(*approve).code == 0
    world.add(refund(occurred_at=NOW - timedelta(hours=3))).judge()
    assert [row["kind"] for row in program("findings", "--json").json() if "chargeback" in row["kind"]] == []
    world.add(refund(ref="1001:again", occurred_at=NOW - timedelta(hours=1))).judge()
    [found] = [row for row in program("findings", "--json").json() if row["kind"] == "suspected_chargeback"]
    assert (found["transaction_ids"], found["amount"]) == (["1001"], "10.00")


def test_a_warning_that_was_answered_does_not_come_back_with_the_next_run(program: Program, world: World) -> None:
    said = recorded(program, "--stage", "signal")
    decide(program, said["case_id"], "dismiss")
    world.judge()
    case = show(program, said["case_id"])
    assert case["status"] == "resolved"
    assert "reopened" not in [one["event"] for one in case["timeline"]]
    assert [row["status"] for row in program("findings", "--json").json()] == ["dismissed"]
