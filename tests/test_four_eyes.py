"""With `[policy] four_eyes` what takes something from an account needs two operators, wherever they sit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconciler.config_checks import problems
from reconciler.store.engine import open_store
from tests import builders
from tests.builders import World, account, charge
from tests.cases_world import NOW, delivered_order, events, record, show
from tests.cli_world import MINIMAL, Ended, Program, _logs_as_before, program
from tests.dashboard_world import PASSWORD, Person, Stage, audit_kinds, people, staged

__all__ = ["_logs_as_before", "program"]

HARSH = ("suspend", "forfeit", "ban")


@pytest.fixture
def case(program: Program) -> Iterator[str]:
    """The id of a case with a confirmed chargeback, in a store where two have to decide."""
    url = f"sqlite:///{program.folder}/books.db"
    program.configure(MINIMAL + f'\n[database]\nurl = "{url}"\n[policy]\nfour_eyes = true\n')
    engine = open_store(url)
    people(engine)
    made = World(engine, now=NOW).complete()
    made.add(charge(occurred_at=NOW), delivered_order(), account(updated_at=NOW)).judge()
    yield str(record(program)["case_id"])
    engine.dispose()


def decide(program: Program, case: str, action: str, by: str, *more: str) -> Ended:
    """Decide a case as somebody."""
    return program("cases", "decide", case, "--action", action, "--by", by, "--note", f"{by} looked", *more, "--json")


def sent(program: Program) -> list[str]:
    """Who decided the commands that lie in the outbox."""
    entries = program("outbox", "list", "--json").json()
    return [one["body"]["data"]["decided_by"] for one in entries if one["channel"] == "command"]


@pytest.mark.parametrize("action", HARSH)
def test_the_first_word_sends_nothing_and_the_second_of_somebody_else_does(
    program: Program, case: str, action: str
) -> None:
    first = decide(program, case, action, "ann").json()["decided"][0]
    assert first["waits_for_second"]
    assert first["command"] is None
    assert (first["case"]["status"], first["case"]["decision"]) == ("open", None)
    assert first["case"]["pending"]["by"] == "ann"
    assert sent(program) == []
    second = decide(program, case, action, "bob").json()["decided"][0]
    assert not second["waits_for_second"]
    assert (second["case"]["status"], second["case"]["pending"]) == ("decided", None)
    assert sent(program) == ["ann, bob"]


def test_the_same_person_is_no_second_one_however_the_name_is_written(program: Program, case: str) -> None:
    assert decide(program, case, "suspend", "ann").code == 0
    for name in ("ann", " ann ", "Ann", "ANN"):
        refused = decide(program, case, "suspend", name)
        assert refused.code == 64, name
    assert "second operator" in decide(program, case, "suspend", "ann").err
    assert sent(program) == []


@pytest.mark.parametrize("name", ["vic", "nobody", "operator"])
def test_whoever_is_no_operator_counts_for_neither_word(program: Program, case: str, name: str) -> None:
    refused = decide(program, case, "suspend", name)
    assert refused.code == 64
    assert "is no operator" in refused.err
    assert decide(program, case, "suspend", "ann").code == 0
    assert decide(program, case, "suspend", name).code == 64
    assert sent(program) == []


def test_timeline_and_audit_name_both(program: Program, case: str) -> None:
    decide(program, case, "suspend", "ann")
    decide(program, case, "suspend", "bob")
    told = show(program, case)
    named = {one["event"]: (one["actor"], one["note"]) for one in told["timeline"]}
    assert named["requested"] == ("ann", "ann looked")
    assert named["decided"] == ("bob", "bob looked")
    assert (told["decision"]["requested_by"], told["decision"]["by"]) == ("ann", "bob")
    engine = open_store(f"sqlite:///{program.folder}/books.db")
    with engine.connect() as connection:
        query = "SELECT kind, actor, data FROM audit_records WHERE kind IN ('case.requested', 'case.decided')"
        query += " ORDER BY number"
        asked, done = connection.execute(sa.text(query)).all()
    assert asked[:2] == ("case.requested", "ann")
    assert done[:2] == ("case.decided", "bob")
    assert '"requested_by":"ann"' in done.data.replace(" ", "")
    assert program("audit", "verify").code == 0
    engine.dispose()


def test_another_action_asks_anew_and_any_other_decision_ends_the_waiting(program: Program, case: str) -> None:
    decide(program, case, "suspend", "ann")
    assert decide(program, case, "ban", "bob").json()["decided"][0]["waits_for_second"]
    assert show(program, case)["pending"]["action"] == "ban"
    assert decide(program, case, "suspend", "bob").json()["decided"][0]["waits_for_second"]
    ended = decide(program, case, "dismiss", "ann").json()["decided"][0]["case"]
    assert (ended["status"], ended["pending"]) == ("decided", None)
    assert program("cases", "reopen", case, "--by", "ann", "--note", "again").code == 0
    assert show(program, case)["pending"] is None
    assert decide(program, case, "suspend", "bob").json()["decided"][0]["waits_for_second"]
    assert sent(program) == []


def test_the_word_of_somebody_who_is_no_operator_any_more_does_not_count(program: Program, case: str) -> None:
    decide(program, case, "suspend", "ann")
    assert program("user", "disable", "ann").code == 0
    assert decide(program, case, "suspend", "bob").json()["decided"][0]["waits_for_second"]
    assert show(program, case)["pending"]["by"] == "bob"
    assert sent(program) == []


def test_a_word_about_one_account_does_not_count_for_another(program: Program, case: str) -> None:
    assert decide(program, case, "suspend", "ann").json()["decided"][0]["case"]["pending"]["account_id"] == "acc"
    engine = open_store(f"sqlite:///{program.folder}/books.db")
    moved = delivered_order(account_id="other", updated_at=NOW)
    World(engine, now=NOW).complete().add(moved, account("other", email="other@example.com", updated_at=NOW)).judge()
    engine.dispose()
    assert decide(program, case, "suspend", "bob").json()["decided"][0]["waits_for_second"]
    assert show(program, case)["pending"]["account_id"] == "other"
    assert sent(program) == []
    assert decide(program, case, "suspend", "ann").json()["decided"][0]["command"]["data"]["account_id"] == "other"


def test_what_may_not_be_decided_is_refused_at_the_first_word(program: Program, case: str) -> None:
    decide(program, case, "ban", "ann")
    decide(program, case, "ban", "bob")
    assert program("cases", "reopen", case, "--by", "ann", "--note", "again").code == 0
    refused = decide(program, case, "ban", "ann")
    assert refused.code == 64
    assert "banned already" in refused.err


def test_reinstating_and_refusing_take_one_person(program: Program, case: str) -> None:
    decide(program, case, "suspend", "ann")
    decide(program, case, "suspend", "bob")
    program("cases", "reopen", case, "--by", "ann", "--note", "a mistake")
    back = decide(program, case, "reinstate", "ann").json()["decided"][0]
    assert back["command"]["type"] == "account.reinstate"
    assert "requested" not in events(back["case"])[-3:]


def test_a_dry_run_of_the_first_word_leaves_nothing(program: Program, case: str) -> None:
    would = decide(program, case, "suspend", "ann", "--dry-run").json()["decided"][0]
    assert would["waits_for_second"]
    assert show(program, case)["pending"] is None
    told = program("cases", "decide", case, "--action", "suspend", "--by", "ann", "--note", "x")
    assert "waits for a second operator" in told.out


def test_without_the_setting_one_person_is_enough_and_with_auto_it_is_refused() -> None:
    assert not list(problems(builders.settings(policy={"four_eyes": True})))
    both = builders.settings(policy={"four_eyes": True, "suspension_mode": "auto"})
    assert any("four_eyes" in problem for problem in problems(both))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The dashboard, in a store where two have to decide."""
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    yield staged(engine, tmp_path, policy={"four_eyes": True})
    engine.dispose()


def test_on_the_pages_two_operators_suspend_and_one_does_not(stage: Stage) -> None:
    ann, bob, path = Person(stage, "ann"), Person(stage, "bob"), f"/cases/{stage.ids['case']}"
    asked = {"action": "suspend", "note": "stolen card"}
    shown = ann.send(f"{path}/decide", **asked, seen=_version(stage)).text
    assert "Nothing leaves yet" in shown
    went = ann.send(f"{path}/decide", **asked, seen=_version(stage), sure="yes")
    assert went.headers["location"] == f"{path}?done=requested"
    assert "Suspend: ann has decided so" in bob.get(path).text
    assert "second operator" in bob.get("/cases?status=open").text
    assert "pending" not in bob.get("/cases.csv").text.splitlines()[0]
    again = ann.send(f"{path}/decide", **asked, seen=_version(stage), sure="yes")
    assert again.status_code == 409
    assert "case.decided" not in audit_kinds(stage.engine)
    assert "you are the second" in bob.send(f"{path}/decide", **asked, seen=_version(stage)).text
    went = bob.send(f"{path}/decide", **asked, seen=_version(stage), sure="yes")
    assert went.headers["location"] == f"{path}?done=decided"
    assert "ann, bob" in ann.get(path).text
    assert audit_kinds(stage.engine).index("case.requested") < audit_kinds(stage.engine).index("case.decided")


def test_a_bulk_decision_asks_for_each_case_and_the_second_person_confirms_all(stage: Stage) -> None:
    for name, waits in (("ann", True), ("bob", False)):
        person, one = Person(stage, name), f"{stage.ids['case']}:{_version(stage)}"
        fields = {"action": "suspend", "note": "stolen", "case": one, "sure": "yes", "password": PASSWORD}
        assert person.send("/cases/bulk", **fields).status_code == 303
        with stage.engine.connect() as connection:
            commands = connection.execute(sa.text("SELECT decided_by FROM commands")).scalars().all()
        assert list(commands) == ([] if waits else ["ann, bob"])


def _version(stage: Stage) -> int:
    with stage.engine.connect() as connection:
        query = sa.text("SELECT version FROM cases WHERE id = :id")
        return int(connection.execute(query, {"id": stage.ids["case"]}).scalar_one())
