"""The tables of what leaves the program: commands, the outbox that carries them, and the audit of all of it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from reconciler.columns import BigId, UtcTime, metadata

audit_records = Table(
    "audit_records",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("hash", String, nullable=False),
    Index(None, "kind", "number"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("key", String, nullable=False),
    Column("sequence_key", String),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("trying_since", UtcTime),
    Column("failures", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String),
    Column("leased_until", UtcTime),
    Column("finished_at", UtcTime),
    Column("note", Text, nullable=False),
    Unique("key"),
    Index(None, "state", "due_at"),
    Index(None, "sequence_key", "id"),
)

outbox_attempts = Table(
    "outbox_attempts",
    metadata,
    Column("outbox_id", BigInteger, ForeignKey("outbox.id"), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("outcome", String),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("outbox_id", "epoch"),
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    Column("case_id", String, nullable=False),
    Column("finding_id", String),
    Column("policy_clause", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence_url", Text),
    Column("decided_by", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Unique("account_id", "seq"),
    Index(None, "case_id"),
    Index(None, "made_at"),
)
