"""Stores a command with the decision that caused it: its row, its outbox entry and its audit record."""

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler import commands as pure
from reconciler.commands import Command, CommandType
from reconciler.outbox import COMMAND
from reconciler.schema_told import commands, outbox
from reconciler.store import audit
from reconciler.store.outbox import put


def make_command(
    connection: sa.Connection,
    *,
    type: CommandType,
    account_id: str,
    case_id: str,
    finding_id: str | None,
    policy_clause: str,
    reason: str,
    decided_by: str,
    mode: str,
    evidence_url: str | None,
    now: datetime,
) -> str:
    """Make a command in the decision's own transaction and return its id; it is delivered after the commit.

    The same decision once more (all the same, `now` included) gives the command that is there.
    """
    command = Command(type, account_id, case_id, finding_id, policy_clause, reason, decided_by, mode, evidence_url, now)
    id_ = command.command_id
    there = sa.select(commands.c.seq).where(commands.c.command_id == id_)
    if connection.execute(there).one_or_none() is not None:
        return id_
    seq = _next_seq(connection, account_id)
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    connection.execute(sa.insert(commands).values(values | {"command_id": id_, "seq": seq}))
    put(connection, channel=COMMAND, key=id_, sequence_key=account_id, body=pure.body(command, seq), now=now)
    said = {"type": type, "account_id": account_id, "case_id": case_id, "finding_id": finding_id, "seq": seq}
    audit.record(connection, "command.made", id_, decided_by, now, said | {"clause": policy_clause, "mode": mode})
    return id_


def list_commands(
    connection: sa.Connection, *, case_id: str | None = None, account_id: str | None = None
) -> list[dict[str, Any]]:
    """Commands in the order of their making, each with the `state` of its delivery and the last `note` about it."""
    query = (
        sa.select(commands, outbox.c.state, outbox.c.note, outbox.c.finished_at)
        .join(outbox, outbox.c.key == commands.c.command_id)
        .order_by(outbox.c.id)
    )
    if case_id is not None:
        query = query.where(commands.c.case_id == case_id)
    if account_id is not None:
        query = query.where(commands.c.account_id == account_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _next_seq(connection: sa.Connection, account_id: str) -> int:
    last = sa.select(sa.func.max(commands.c.seq)).where(commands.c.account_id == account_id)
    return int(connection.execute(last).scalar_one() or 0) + 1
