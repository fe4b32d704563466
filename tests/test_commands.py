"""Commands to the shop: made with their decision, numbered per account, and the same to the byte for ever."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.commands import CommandType
from reconciler.schema_told import audit_records, commands, outbox
from reconciler.store.commands import list_commands, make_command
from reconciler.store.engine import read, write
from tests.builders import NOW
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]


def order(
    connection: sa.Connection, type: CommandType = "account.suspend", account: str = "acc-1", **changes: Any
) -> str:
    """Make a command that an operator decided."""
    values = {
        "case_id": "case-1",
        "finding_id": "f-1",
        "policy_clause": "7",
        "reason": "chargeback of 10.00 RUB",
        "decided_by": "Ann",
        "mode": "manual",
        "evidence_url": None,
        "now": NOW,
    }
    return make_command(connection, type=type, account_id=account, **(values | changes))


def test_a_command_says_what_the_contract_names(engine: sa.Engine) -> None:
    with write(engine) as connection:
        id_ = order(connection, evidence_url="https://shop.example/e/1")
    [row] = stored(engine, outbox)
    assert row.key == id_
    assert json.loads(row.body) == {
        "type": "account.suspend",
        "timestamp": "2026-11-20T12:00:00Z",
        "data": {
            "command_id": id_,
            "account_id": "acc-1",
            "case_id": "case-1",
            "finding_id": "f-1",
            "policy_clause": "7",
            "reason": "chargeback of 10.00 RUB",
            "evidence_url": "https://shop.example/e/1",
            "decided_by": "Ann",
            "mode": "manual",
            "seq": 1,
        },
    }


def test_seq_grows_per_account(engine: sa.Engine) -> None:
    with write(engine) as connection:
        order(connection)
        order(connection, "account.reinstate")
        order(connection, account="acc-2")
    with write(engine) as connection:
        order(connection, "account.ban", now=NOW + timedelta(days=1))
    seqs = [
        (json.loads(row.body)["data"]["account_id"], json.loads(row.body)["data"]["seq"])
        for row in stored(engine, outbox)
    ]
    assert seqs == [("acc-1", 1), ("acc-1", 2), ("acc-2", 1), ("acc-1", 3)]


def test_the_same_decision_written_down_twice_is_one_command(engine: sa.Engine) -> None:
    with write(engine) as connection:
        first = order(connection)
    with write(engine) as connection:
        assert order(connection) == first
    assert len(stored(engine, commands)) == len(stored(engine, outbox)) == len(stored(engine, audit_records)) == 1


@pytest.mark.parametrize("change", [{"account": "acc-2"}, {"case_id": "case-2"}, {"now": NOW + timedelta(seconds=1)}])
def test_another_decision_is_another_command(engine: sa.Engine, change: dict[str, Any]) -> None:
    with write(engine) as connection:
        assert order(connection) != order(connection, **change)


def test_a_decision_that_is_undone_leaves_no_command_and_no_record(engine: sa.Engine) -> None:
    with write(engine, keep=False) as connection:
        order(connection)
    assert stored(engine, commands) == stored(engine, outbox) == stored(engine, audit_records) == []


def test_a_command_is_on_record_without_words_about_people(engine: sa.Engine) -> None:
    with write(engine) as connection:
        id_ = order(connection, reason="buyer@example.com charged back")
    [record] = stored(engine, audit_records)
    assert (record.kind, record.subject, record.actor) == ("command.made", id_, "Ann")
    assert "@" not in record.data


def test_commands_are_listed_with_the_state_of_their_delivery(engine: sa.Engine) -> None:
    with write(engine) as connection:
        order(connection)
        order(connection, account="acc-2", case_id="case-2")
    with read(engine) as connection:
        [row] = list_commands(connection, case_id="case-2")
    assert (row["account_id"], row["state"]) == ("acc-2", "todo")
