"""`cases`, `chargeback`, `review` and `outage` from outside: what an operator enters, sees and decides."""

import json
import threading
import zipfile
from datetime import timedelta
from pathlib import Path

from tests import builders
from tests.builders import World, charge, pending
from tests.cases_world import BOUGHT, BY, NOW, commands, decide, delivered_order, events, record, show, world
from tests.cli_world import Ended, Program, _logs_as_before, program

__all__ = ["_logs_as_before", "program", "world"]


def test_a_recorded_chargeback_is_a_case_with_checks_deadline_and_proposal(program: Program, world: World) -> None:
    said = record(program)
    case = said["case"]
    assert (case["kind"], case["recommendation"], case["policy_clause"]) == ("chargeback", "suspend", "7")
    assert case["proposals"] == ["suspend", "forfeit", "ban"]
    assert {check["name"] for check in case["checks"] if not check["passed"]} == set()
    assert case["days_left"] == 17
    assert [row["id"] for row in program("cases", "list", "--json").json()] == [said["case_id"]]
    assert commands(world) == []


def test_a_confirmed_suspension_is_one_command_to_the_account_of_the_order(program: Program, world: World) -> None:
    case = record(program)["case_id"]
    dry = decide(program, case, "suspend", "--dry-run").json()["decided"][0]["command"]
    assert commands(world) == []
    done = decide(program, case, "suspend").json()["decided"][0]
    (command,) = commands(world)
    assert command == done["command"]
    assert command["type"] == dry["type"] == "account.suspend"
    data = command["data"]
    assert (data["account_id"], data["case_id"], data["policy_clause"]) == ("acc", case, "7")
    assert (data["decided_by"], data["mode"]) == ("Ann", "manual")
    assert done["case"]["status"] == "decided"
    assert events(done["case"]) == ["opened", "decided", "commanded", "changed"]


def test_the_second_operator_is_told_who_was_faster(program: Program, world: World) -> None:
    case = record(program)["case_id"]
    version = show(program, case)["version"]
    assert decide(program, case, "suspend").code == 0
    late = decide(program, case, "ban")
    assert late.code == 64
    assert "decided already: suspend by Ann" in late.err
    stale = decide(program, case, "ban", "--seen", str(version))
    assert stale.code == 64
    assert len(commands(world)) == 1


def test_of_many_operators_at_once_exactly_one_wins(program: Program, world: World) -> None:
    case = record(program)["case_id"]
    ended: list[Ended] = []
    call = ("cases", "decide", case, "--action", "suspend", "--by", "Ann", "--note", "x")
    threads = [threading.Thread(target=lambda: ended.append(program.process(*call))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.code for one in ended) == [0, 64, 64, 64]
    assert all("decided already" in one.err for one in ended if one.code == 64)
    assert len(commands(world)) == 1


def test_a_chargeback_of_a_charge_that_was_not_pulled_yet_waits_for_it(program: Program, world: World) -> None:
    said = record(program, "2002")
    assert said["case"]["recommendation"] == "manual"
    refused = decide(program, said["case_id"], "suspend")
    assert refused.code == 64
    assert "No account fits" in refused.err or "no account is known" in refused.err
    world.add(charge("2002", occurred_at=BOUGHT), delivered_order("A2", "2002"))
    judged = world.judge()
    assert [(row["kind"], row["case_id"]) for row in judged.findings] == [("chargeback", said["case_id"])]
    assert show(program, said["case_id"])["recommendation"] == "suspend"


def test_told_again_it_changes_nothing_and_a_later_stage_is_added(program: Program, world: World) -> None:
    first, again = record(program), record(program)
    assert (first["recorded"], again["recorded"]) == (True, False)
    assert again["id"] == first["id"]
    assert len(again["stages"]) == 1
    lost = program("chargeback", "update", first["id"], "--stage", "lost", "--json").json()
    assert (lost["state"], lost["days_left"]) == ("lost", None)


def test_a_chargeback_that_was_won_after_the_suspension_proposes_to_reinstate(program: Program, world: World) -> None:
    said = record(program)
    decide(program, said["case_id"], "suspend")
    won = program("chargeback", "update", said["id"], "--stage", "won", "--json").json()["case"]
    assert (won["status"], won["recommendation"], won["proposals"]) == ("open", "reinstate", ["reinstate"])
    assert decide(program, said["case_id"], "reinstate").code == 0
    assert [one["type"] for one in commands(world)] == ["account.suspend", "account.reinstate"]
    assert [one["data"]["seq"] for one in commands(world)] == [1, 2]
    assert show(program, said["case_id"])["status"] == "resolved"


def test_a_review_request_counts_its_days_and_says_what_the_policy_says(program: Program, world: World) -> None:
    call = ("review", "add", "--order", "A1", "--email", " Buyer@Example.com", "--account", "acc", "--text",
            "I changed my mind", "--received-at", "2026-11-20T12:00:00Z", "--json")  # fmt: skip
    said = program(*call).json()
    case = said["case"]
    assert (case["recommendation"], case["policy_clause"]) == ("decline", "4.change_of_mind")
    assert case["review"]["complete"]
    assert case["review"]["due_at"] == "2026-12-10T20:59:59Z"
    assert case["review"]["warn_at"] == "2026-12-06T21:00:00Z"
    assert program(*call).json()["id"] == said["id"]
    assert decide(program, said["case_id"], "decline").json()["decided"][0]["case"]["status"] == "resolved"


def test_what_a_request_lacks_is_asked_for_and_completes_it(program: Program, world: World) -> None:
    said = program("review", "add", "--order", "1001", "--text", "please", "--json").json()
    assert said["case"]["policy_clause"] == "5"
    assert said["case"]["ask_for"] == ["the e-mail address of the purchase"]
    assert said["case"]["review"]["due_at"] is None
    more = program("review", "add", "--order", "1001", "--email", "buyer@example.com", "--json").json()
    assert (more["id"], more["case_id"]) == (said["id"], said["case_id"])
    assert more["case"]["review"]["text"] == "please"
    assert more["case"]["review"]["due_at"] is not None


def test_a_request_from_another_account_is_declined_by_the_facts(program: Program, world: World) -> None:
    call = ("review", "add", "--order", "A1", "--email", "buyer@example.com", "--text", "charged twice", "--json")
    case = program(*call, "--account", "thief").json()["case"]
    assert (case["recommendation"], case["policy_clause"]) == ("decline", "4.other_account")


def test_an_outage_over_most_of_the_use_is_cited(program: Program, world: World) -> None:
    call = ("review", "add", "--order", "A1", "--email", "buyer@example.com", "--text", "it was down", "--json")
    case = program(*call).json()["case"]
    assert case["policy_clause"] == "1"
    since, until = (BOUGHT - timedelta(hours=1)).isoformat(), (NOW - timedelta(hours=1)).isoformat()
    outage = ("outage", "add", "--from", since, "--to", until, "--note", "disk", "--json")
    assert (program(*outage).json()["recorded"], program(*outage).json()["recorded"]) == (True, False)
    after = show(program, case["id"])
    assert (after["policy_clause"], after["recommendation"], after["refundable_amount"]) == (
        "3.outage",
        "manual",
        "6.00",
    )


def test_evidence_files_are_kept_and_the_packet_holds_them(program: Program, world: World) -> None:
    proof = program.folder / "proof <1>.txt"
    proof.write_text("screenshot", encoding="utf-8")
    text = "stolen card <script>alert(1)</script>"
    call = ("review", "add", "--order", "A1", "--email", "buyer@example.com", "--text", text, "--evidence", str(proof))
    case = program(*call, "--json").json()["case"]
    assert (case["policy_clause"], case["recommendation"]) == ("3.fraud", "manual")
    id_ = record(program)["id"]
    said = program("chargeback", "evidence", id_, "--out", "out", "--json").json()
    folder = program.folder / said["folder"]
    page = (folder / "summary.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "stolen card" in page
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    assert facts["charge"]["ref"] == "1001"
    assert facts["order"]["delivered_at"]
    with zipfile.ZipFile(program.folder / said["zip"]) as packed:
        names = packed.namelist()
        kept = next(name for name in names if name.endswith("proof_1_.txt"))
        assert packed.read(kept) == b"screenshot"
    first = (program.folder / said["zip"]).read_bytes()
    assert any("published policy" in line for line in said["missing"])
    assert first


def test_several_cases_are_decided_with_one_word(program: Program, world: World) -> None:
    world.add(charge("3001", occurred_at=BOUGHT), charge("3002", occurred_at=BOUGHT))
    world.add(delivered_order("B1", "3001", amount_minor=900), delivered_order("B2", "3002", amount_minor=900))
    judged = world.judge()
    ids = [row["case_id"] for row in judged.findings if row["kind"] == "amount_mismatch"]
    assert len(ids) == 2
    done = program("cases", "decide", *ids, "--action", "dismiss", *BY, "--json").json()
    assert [one["case"]["status"] for one in done["decided"]] == ["resolved", "resolved"]
    assert {row["status"] for row in program("findings", "--json").json()} == {"dismissed"}


def test_a_case_is_assigned_noted_snoozed_and_reopened(program: Program, world: World) -> None:
    case = record(program)["case_id"]
    assert program("cases", "assign", case, "--to", "Bob", "--by", "Ann", "--json").json()["owner"] == "Bob"
    program("cases", "note", case, "--text", "asked the bank", "--by", "Bob")
    until = (NOW + timedelta(days=3)).isoformat()
    aside = program("cases", "snooze", case, "--until", until, "--by", "Bob", "--json").json()
    assert aside["status"] == "snoozed"
    decide(program, case, "dismiss")
    again = program("cases", "reopen", case, "--by", "Ann", "--note", "the bank wrote", "--json").json()
    assert (again["status"], again["phase"], again["decision"]) == ("open", "reopened", None)
    told = events(again)
    assert [one for one in told if one != "changed"] == [
        "opened", "assigned", "noted", "snoozed", "decided", "reopened",
    ]  # fmt: skip


def test_a_refund_is_bound_to_its_charge_and_never_more(program: Program, world: World) -> None:
    world.add(charge("4001", occurred_at=BOUGHT, amount_minor=700), builders.looked_up("4001"))
    world.add(pending("C1", "4001", account_id="acc", amount_minor=700))
    judged = world.judge()
    (case,) = {row["case_id"] for row in judged.findings if row["kind"] == "undelivered_order"}
    assert "7.01 WMZ asked" in decide(program, case, "refund", "--amount", "7.01").err
    done = decide(program, case, "refund").json()["decided"][0]
    assert done["refunds"] == [{"provider": "digiseller", "ref": "4001", "amount": "7.00", "currency": "WMZ"}]
    assert done["case"]["status"] == "decided"
    assert show(program, case)["decision"]["amount"] == "7.00"


def test_what_cannot_be_is_refused_with_one_line(program: Program, world: World) -> None:
    case = record(program)["case_id"]
    for wrong in (
        ("cases", "show", "ffff"),
        ("cases", "decide", case, "--action", "forgive", *BY),
        ("cases", "decide", case, "--action", "suspend", "--amount", "5", *BY),
        ("cases", "decide", case, "--action", "refund", *BY),
        ("cases", "decide", case, "--action", "deliver", *BY),
        ("cases", "decide", case, "--action", "reinstate", *BY),
        ("cases", "snooze", case, "--by", "Ann"),
        ("chargeback", "update", "ffff", "--stage", "won"),
        ("chargeback", "evidence", "ffff", "--out", "x"),
        ("outage", "add", "--from", "2026-11-20", "--to", "2026-11-19", "--note", "x"),
    ):
        ended = program(*wrong)
        assert (ended.code, len(ended.lines)) == (64, 1), (wrong, ended)
    assert commands(world) == []


def test_the_queue_and_a_case_are_told_in_words(program: Program, world: World) -> None:
    case = record(program)["case_id"]
    queue = program("cases", "list").out
    assert "Chargeback 1001" in queue
    assert "17 days left" in queue
    told = program("cases", "show", case).out
    assert "Account acc owns the charge" in told
    assert "To be confirmed: suspend, forfeit, ban" in told
    assert program("status", "--json").json()["cases"]["open"] == 1


def test_the_evidence_folder_lies_beside_the_reports(program: Program, world: World) -> None:
    proof = program.folder / "a.png"
    proof.write_bytes(b"x")
    program("review", "add", "--order", "A1", "--evidence", str(proof))
    assert [path.suffix for path in Path(program.folder / "var" / "evidence").iterdir()] == [".png"]
