"""The tables of what the providers push: the inbox of webhooks, their gaps, and when they could be taken in."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from reconciler.columns import BigId, UtcTime, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("provider", String, nullable=False),
    Column("name", String, nullable=False),
    Column("key", String, nullable=False),
    Column("content", String, nullable=False),
    Column("ref", String),
    Column("event_at", UtcTime),
    Column("late", Boolean, nullable=False),
    Column("old_key", Boolean, nullable=False),
    Column("method", String, nullable=False),
    Column("query", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("last_received_at", UtcTime, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("result", Text, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("due_at", UtcTime),
    Column("processed_at", UtcTime),
    UniqueConstraint("provider", "key", "content"),
    Index(None, "provider", "ref"),
    Index(None, "provider", "id"),
    Index(None, "due_at"),
    Index(None, "state"),
)
"""What the providers pushed, each event once: as received, and what became of it.

`content` tells what an event says about money and ids: two of them under one key contradict each other, and both stay.
`late` marks what is older than any retry explains: it may be a replay, so it never triggers a command by itself. While
work is left, `due_at` says when; `looks` counts how often the provider's API was asked.
"""

webhook_gaps = Table(
    "webhook_gaps",
    metadata,
    Column("provider", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("provider", "reason", "subject"),
)
"""Where webhooks and the pull contradict each other, or where webhooks may be lost; `subject` is a ref or a time."""

receptions = Table(
    "receptions",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
)
"""When deliveries could be taken in: one row for each life of the daemon."""
