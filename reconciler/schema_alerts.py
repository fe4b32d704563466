"""The tables of alerts: what people are told of, the messages that tell it, and how their addresses fare."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.types import JSON

from reconciler.columns import UtcTime, metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("said", JSON, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("acknowledged_at", UtcTime),
    Column("acknowledged_by", String),
    Column("snoozed_until", UtcTime),
    Column("resolved_at", UtcTime),
    Column("repeat_at", UtcTime),
    Column("repeats", Integer, nullable=False),
    Column("escalated_at", UtcTime),
    Index(None, "state", "kind"),
)
"""`due_at`: when it is told first, and until when it collects; none while it is held back for its cause."""

alert_findings = Table(
    "alert_findings",
    metadata,
    Column("alert_id", String, ForeignKey("alerts.id"), nullable=False),
    Column("finding_id", String, nullable=False),
    Column("gone", Boolean, nullable=False),
    PrimaryKeyConstraint("alert_id", "finding_id"),
    Index(None, "finding_id"),
)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("key", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("token", String, nullable=False),
    Column("message_id", String),
    Column("shown", String),
    Column("sent_at", UtcTime),
    Unique("token"),
    Index(None, "address", "sent_at"),
)
"""`key` is that of the outbox entry; `shown` the hash of what the message shows now."""

alert_parts = Table(
    "alert_parts",
    metadata,
    Column("message_key", String, ForeignKey("alert_messages.key"), nullable=False),
    Column("alert_id", String, ForeignKey("alerts.id"), nullable=False),
    PrimaryKeyConstraint("message_key", "alert_id"),
    Index(None, "alert_id"),
)

alert_addresses = Table(
    "alert_addresses",
    metadata,
    Column("key", String, primary_key=True),
    Column("chat_id", String),
    Column("blocked_until", UtcTime),
    Column("failing_since", UtcTime),
    Column("failures", Integer, nullable=False),
    Column("last_sent_at", UtcTime),
    Column("note", Text, nullable=False),
)
"""`chat_id`: where a Telegram group has moved to; `blocked_until`: when the receiver wants to hear from us again."""
