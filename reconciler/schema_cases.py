"""The tables of what operators decide: cases with their timelines, review requests, chargebacks and outages."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.types import JSON

from reconciler.columns import UtcTime, metadata, only

QUEUED = (
    "urgency", "opened_at", "id", "kind", "severity", "provider", "owner", "account_id", "currency", "amount_minor",
)  # fmt: skip
"""The order of the queue, and all that it can be narrowed by: rows themselves are read for one page only."""

cases = Table(
    "cases",
    metadata,
    Column("id", String, primary_key=True),
    Column("root", String, nullable=False),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("owner", String),
    Column("provider", String),
    Column("ref", String),
    Column("order_id", String),
    Column("account_id", String),
    Column("amount_minor", BigInteger),
    Column("currency", String),
    Column("said", JSON, nullable=False),
    Column("decision", JSON),
    Column("pending", JSON),
    Column("reopened", Boolean, nullable=False),
    Column("due_at", UtcTime),
    Column("due_told", String),
    Column("snoozed_until", UtcTime),
    Column("snoozed_minor", BigInteger),
    Column("opened_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("urgency", BigInteger),
    Unique("root"),
    Index("ix_cases_queued", *QUEUED, "status"),
    Index("ix_cases_queued_by_status", "status", *QUEUED),
    Index(None, "status"),
    Index("ix_cases_owned", "owner", "urgency", "opened_at", "id", **only("owner IS NOT NULL")),
    Index(None, "provider", "ref"),
    Index("ix_cases_standing", "id", **only("status <> 'resolved'")),
    Index(None, "order_id"),
    Index(None, "account_id"),
)

case_events = Table(
    "case_events",
    metadata,
    Column("case_id", String, ForeignKey("cases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("event", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    PrimaryKeyConstraint("case_id", "number"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", String, primary_key=True),
    Column("case_id", String, ForeignKey("cases.id"), nullable=False),
    Column("identifier", String, nullable=False),
    Column("provider", String),
    Column("ref", String),
    Column("order_id", String),
    Column("email", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("reason", String, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("complete_at", UtcTime),
    Column("due_at", UtcTime),
    Column("warn_at", UtcTime),
    Column("due_known", Boolean, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Index(None, "case_id"),
    Index(None, "provider", "ref"),
)

disputes = Table(
    "disputes",
    metadata,
    Column("id", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("reason_code", String, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("origin", String, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("state", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("due_at", UtcTime),
    Column("due_given", Boolean, nullable=False),
    Index(None, "provider", "ref"),
    Index(None, "opened_at"),
    Index(None, "state"),
    Index(None, "opened_at", "id"),
)

dispute_stages = Table(
    "dispute_stages",
    metadata,
    Column("dispute_id", String, ForeignKey("disputes.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("stage", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("recorded_at", UtcTime, nullable=False),
    Column("origin", String, nullable=False),
    PrimaryKeyConstraint("dispute_id", "number"),
)

outages = Table(
    "outages",
    metadata,
    Column("id", String, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("note", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)
