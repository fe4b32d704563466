"""Commands and the audit chain from outside: the real commands and the real daemon, against a simulated shop."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.dispatch import dispatch
from reconciler.cli import demo, demo_folder
from reconciler.schema_told import audit_records, outbox
from reconciler.settings import PolicySettings, Retention, Settings
from reconciler.store.engine import open_store, write
from reconciler.versions import versions
from tests.cli_world import Program, _logs_as_before
from tests.deliveries import decided, settings_for
from tests.main_job import Stage, staged
from tests.stores import stored

__all__ = ["_logs_as_before"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One small world for all tests of this module."""
    with staged(tmp_path_factory.mktemp("world"), days=3, charges=6) as world:
        yield world


@pytest.fixture(autouse=True)
def _healthy(stage: Stage) -> Iterator[None]:
    """Each test leaves the others a world without faults."""
    yield
    for simulator in (stage.digiseller, stage.tribute, stage.receiver):
        simulator.clear_faults()


@pytest.fixture(scope="module")
def ran(stage: Stage) -> tuple[str, list[str], "subprocess.CompletedProcess[str]"]:
    """A store whose run had two commands to deliver, the first of them refused; their ids, and how the run ended."""
    url = stage.url("ran")
    ids = decided(open_store(url), "acc-run", each=2)
    stage.receiver.fault("/", "status", status=410, body="<script>")
    return url, ids, stage.run(url)


class Caller(Program):
    """The program in this process, on a store."""

    def at(self, url: str) -> "Caller":
        """From here on, this store."""
        os.environ["RECONCILER_DATABASE__URL"] = url
        return self


@pytest.fixture
def program(stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Caller:
    """The program in the folder of the world's configuration."""
    assert (stage.folder / demo_folder.CONFIG).name == "config.toml"
    for name in ("RECONCILER_DATABASE__URL", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    return Caller(stage.folder, capsys)


def waits_for(condition: Any, process: "subprocess.Popen[str]") -> None:
    """Wait until something holds while a process runs."""
    deadline = time.monotonic() + 90
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def by_force(url: str, trigger: str, statement: Any) -> None:
    """Change the audit records as somebody with the database's own rights can."""
    with write(open_store(url)) as connection:
        connection.exec_driver_sql(f"DROP TRIGGER audit_records_{trigger}")
        connection.execute(statement)


def test_a_run_delivers_what_is_due_and_a_refused_command_is_no_failure_of_it(
    stage: Stage, ran: tuple[str, list[str], Any]
) -> None:
    _, ids, done = ran
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["delivered"] == {"sent": 1, "failed": 0, "held": 1}
    assert ids[1] in {one.id for one in stage.receiver.arrivals}
    assert "command held" in done.stderr


def test_status_names_what_is_held_and_the_head_of_the_chain(program: Caller, ran: tuple[str, list[str], Any]) -> None:
    url, ids, _ = ran
    state = program.at(url)("status", "--json").json()
    assert state["queues"]["outbox"] == {"command": {"todo": 0, "held": 1}}
    assert [(one["key"], one["note"]) for one in state["held"]] == [(ids[0], "answered 410: the shop refuses it")]
    head = stored(open_store(url), audit_records)[-1]
    assert state["audit"] == {"records": head.number, "head": head.hash}
    text = program("status").out
    assert ids[0] in text
    assert head.hash in text


def test_what_a_run_read_and_concluded_is_on_record_and_verify_holds(
    program: Caller, ran: tuple[str, list[str], Any]
) -> None:
    url = ran[0]
    records = stored(open_store(url), audit_records)
    read = {row.subject: json.loads(row.data) for row in records if row.kind == "feed.read"}
    assert {"digiseller.sales", "tribute.sales", "shop.orders", "shop.accounts"} <= set(read)
    assert all(said["complete"] for said in read.values())
    [ended] = [json.loads(row.data) for row in records if row.kind == "run.ended"]
    assert ended["verdict"] == json.loads(ran[2].stdout)["verdict"]
    assert set(ended["versions"]) == {"program", "clauses", "policy", "config"}
    verified = program.at(url)("audit", "verify", "--json")
    assert verified.code == 0
    assert verified.json() == {"records": len(records), "head": records[-1].hash, "broken": None}


def test_the_record_holds_no_address_and_no_secret(ran: tuple[str, list[str], Any]) -> None:
    for row in stored(open_store(ran[0]), audit_records):
        assert "@" not in row.data + row.subject
        assert "whsec_" not in row.data


def test_a_changed_setting_shows_in_the_versions() -> None:
    usual = versions(Settings())
    stricter = versions(Settings(policy=PolicySettings(grace_minutes=31)))
    elsewhere = versions(Settings(retention=Retention(raw_days=500)))
    changed = [{name for name in usual if usual[name] != other[name]} for other in (stricter, elsewhere)]
    assert changed == [{"policy", "config"}, {"config"}]
    assert versions(Settings()) == usual


def test_a_dry_run_delivers_nothing(stage: Stage, program: Caller) -> None:
    url = stage.url("dry")
    [id_] = decided(open_store(url), "acc-dry")
    assert program.at(url)("run", "--dry-run", "--json").code == 0
    assert stored(open_store(url), outbox)[0].epoch == 0
    assert id_ not in {one.id for one in stage.receiver.arrivals}


def test_the_daemon_delivers_while_a_pull_hangs(stage: Stage) -> None:
    url = stage.url("hanging")
    for simulator in (stage.digiseller, stage.tribute):
        simulator.fault("/", "hang", 1000, seconds=60)
    engine = open_store(url)
    decided(engine, "acc-daemon")
    process = stage.start(url, "daemon", RECONCILER_WEB__PORT="0")
    try:
        waits_for(lambda: stored(engine, outbox)[0].state == "sent", process)
        assert stage.receiver.accounts["acc-daemon"] == "suspended"
        assert stage.digiseller.under_way or stage.tribute.under_way
    finally:
        process.kill()
        process.communicate()


def test_the_daemon_stops_cleanly_with_a_command_on_its_way(stage: Stage) -> None:
    url = stage.url("stopping")
    stage.receiver.fault("/", "late", seconds=2)
    engine = open_store(url)
    decided(engine, "acc-stop")
    process = stage.start(url, "daemon", RECONCILER_WEB__PORT="0")
    waits_for(lambda: stage.receiver.under_way, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert stored(engine, outbox)[0].state == "sent", "its answer was waited for"


def test_a_held_command_is_listed_with_its_attempts_and_retried(stage: Stage, program: Caller) -> None:
    url = stage.url("retried")
    engine = open_store(url)
    [id_] = decided(engine, "acc-retried")
    stage.receiver.fault("/", "status", status=404)
    settings = settings_for(stage.receiver.address)
    dispatch(settings, engine, now=lambda: datetime.now(UTC))
    [listed] = program.at(url)("outbox", "list", "--state", "held", "--json").json()
    assert (listed["key"], listed["state"], listed["body"]["data"]["account_id"]) == (id_, "held", "acc-retried")
    assert "account.suspend acc-retried" in program("outbox", "list").out
    assert program("outbox", "retry", "--json").json() == {"retried": [id_], "overtaken": []}
    dispatch(settings, engine, now=lambda: datetime.now(UTC))
    [listed] = program("outbox", "list", "--json").json()
    assert [one["outcome"] for one in listed["attempts"]] == ["held", "sent"]
    kinds = [row.kind for row in stored(engine, audit_records)]
    assert [kind for kind in kinds if "command" in kind or "outbox" in kind] == [
        "command.made", "command.held", "outbox.retried", "command.sent",
    ]  # fmt: skip


def test_a_suspension_that_its_reinstatement_has_overtaken_is_not_retried(stage: Stage, program: Caller) -> None:
    url = stage.url("overtaken")
    engine = open_store(url)
    [suspended, _] = decided(engine, "acc-overtaken", each=2)
    stage.receiver.fault("/", "status", status=404)
    dispatch(settings_for(stage.receiver.address), engine, now=lambda: datetime.now(UTC))
    assert stage.receiver.accounts["acc-overtaken"] == "active"
    ended = program.at(url)("outbox", "retry", suspended)
    assert "stays held" in ended.out
    assert program("outbox", "list", "--state", "held", "--json").json()[0]["key"] == suspended


def test_an_approved_refund_is_on_record_with_who_approved_it(stage: Stage, program: Caller) -> None:
    url = stage.url("refund")
    words = ("--provider", "digiseller", "--ref", "1", "--amount", "1.50", "--currency", "WMZ", "--by", "Ann")
    for _ in range(2):
        assert program.at(url)("refund", "record", *words, "--note", "for buyer@example.com").code == 0
    [record] = [one for one in stored(open_store(url), audit_records) if one.actor != demo.OPERATOR]
    assert (record.kind, record.actor) == ("refund.approved", "Ann")
    assert json.loads(record.data) == {"amount_minor": 150, "currency": "WMZ", "provider": "digiseller", "ref": "1"}


def test_verify_names_the_first_broken_record_and_ends_with_2(stage: Stage, program: Caller) -> None:
    url = stage.url("broken")
    decided(open_store(url), *(f"acc-{number}" for number in range(5)))
    assert program.at(url)("audit", "verify").code == 0
    by_force(url, "update", sa.update(audit_records).where(audit_records.c.number == 2).values(actor="Bob"))
    ended = program("audit", "verify")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert ended.err.startswith("reconciler: audit record 2 is broken")
    assert program("audit", "verify", "--json").json()["broken"]["number"] == 2


def test_verify_finds_a_cut_tail_by_the_head_that_was_kept(stage: Stage, program: Caller) -> None:
    url = stage.url("tail")
    decided(open_store(url), *(f"acc-{number}" for number in range(5)))
    head = program.at(url)("status", "--json").json()["audit"]["head"]
    assert program("audit", "verify", "--head", head).code == 0
    by_force(url, "delete", sa.delete(audit_records).where(audit_records.c.number > 3))
    assert program("audit", "verify").code == 0, "by itself a shorter chain holds"
    ended = program("audit", "verify", "--head", head)
    assert ended.code == 2
    assert "audit record 4 is broken" in ended.err


@pytest.mark.parametrize("words", [("outbox", "retry", "cmd_nothing"), ("outbox", "list", "--state", "lost")])
def test_wrong_usage_of_the_outbox_is_one_line(stage: Stage, program: Caller, words: tuple[str, ...]) -> None:
    ended = program.at(f"sqlite:///{stage.folder}/usage.db")(*words)
    assert (ended.code, ended.out, len(ended.lines)) == (64, "", 1)
