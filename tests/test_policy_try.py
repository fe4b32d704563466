"""`policy try`: what a changed [policy] would have decided over stored history, and that it decides nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.policy_try import try_policy
from reconciler.schema import finding_events, findings, runs
from reconciler.schema_cases import case_events, cases
from reconciler.schema_told import audit_records, commands, outbox
from reconciler.store.engine import open_store
from tests import builders
from tests.builders import NOW, World, ago, charge, looked_up
from tests.case_steps import BOUGHT, UNDELIVERED, asked, disputed, facts
from tests.case_teller import Teller
from tests.cli_world import MINIMAL, Program, _logs_as_before, program
from tests.stores import by_day as url
from tests.stores import engine, stored

__all__ = ["_logs_as_before", "engine", "program", "url"]

SINCE = NOW - timedelta(days=30)
KEPT = (findings, finding_events, cases, case_events, commands, outbox, audit_records, runs)


@pytest.fixture
def teller(engine: sa.Engine) -> Teller:
    """A store that was judged by the ordinary policy."""
    world = World(engine).complete()
    world.judge()
    return Teller(world, "charge")


def tried(teller: Teller, since: Any = SINCE, **policy: Any) -> dict[str, Any]:
    """What a changed policy says; the store has to be the same afterwards, to the row."""
    before = [stored(teller.world.engine, table) for table in KEPT]
    said = try_policy(builders.settings(policy=policy), teller.world.engine, since, teller.world.now)
    assert [stored(teller.world.engine, table) for table in KEPT] == before
    return said


def test_the_same_policy_makes_no_difference(teller: Teller) -> None:
    for step in (BOUGHT, disputed(), asked()):
        teller.tell(step)
    said = tried(teller)
    assert (said["findings"], said["cases"], said["commands"]) == ([], [], [])


def test_a_longer_grace_would_have_found_less(teller: Teller) -> None:
    teller.tell(UNDELIVERED)
    said = tried(teller, grace_minutes=600)
    [finding], [case] = said["findings"], said["cases"]
    assert (finding["kind"], finding["before"]["status"], finding["after"]["status"]) == (
        "undelivered_order", "open", "resolved",
    )  # fmt: skip
    assert (case["before"]["status"], case["after"]["status"]) == ("open", "resolved")
    assert (case["before"]["recommendation"], case["after"]["recommendation"]) == ("deliver", "none")


def test_a_wider_window_would_have_found_more(teller: Teller) -> None:
    teller.tell(BOUGHT)
    teller.tell(facts(charge("1002", occurred_at=ago(hours=4.5)), looked_up("1002")))
    said = tried(teller, duplicate_window_minutes=45)
    [new] = [one for one in said["findings"] if one["before"] is None]
    assert (new["kind"], new["after"]["transaction_ids"]) == ("duplicate_charge", ["1002"])
    assert new["after"]["recommendation"] == "refund"


def test_more_days_for_reviews_move_their_due_date(teller: Teller) -> None:
    teller.tell(BOUGHT)
    teller.tell(asked())
    [case] = tried(teller, review_business_days=15)["cases"]
    assert set(case["after"]) == {"due_at"}
    assert case["after"]["due_at"] > case["before"]["due_at"]


def test_mode_auto_shows_the_command_that_would_go_out(teller: Teller) -> None:
    teller.tell(BOUGHT)
    teller.tell(disputed())
    [command] = tried(teller, suspension_mode="auto")["commands"]
    assert (command["type"], command["account_id"]) == ("account.suspend", "acc")


def test_what_was_not_seen_since_then_is_left_out(teller: Teller) -> None:
    teller.tell(UNDELIVERED)
    said = tried(teller, since=teller.world.now + timedelta(seconds=1), grace_minutes=600)
    assert (said["findings"], said["cases"]) == ([], [])


def test_the_command_says_it_in_json_and_in_words(program: Program) -> None:
    program.configure(MINIMAL + f'\n[database]\nurl = "sqlite:///{program.folder}/books.db"\n')
    opened = open_store(f"sqlite:///{program.folder}/books.db")
    world = World(opened).complete()
    Teller(world, "charge").tell(UNDELIVERED)
    opened.dispose()
    policy = "\n[policy]\ngrace_minutes = 600\n"
    program.configure(MINIMAL + f'\n[database]\nurl = "sqlite:///{program.folder}/books.db"\n' + policy)
    said = json.loads(program("policy", "try", "--since", "2026-11-01", "--json").out)
    assert [one["kind"] for one in said["findings"]] == ["undelivered_order"]
    assert 'status "open" → "resolved"' in program("policy", "try", "--since", "2026-11-01").out
    late = program("policy", "try", "--since", "2099-01-01")
    assert (late.code, len(late.lines)) == (64, 1)
