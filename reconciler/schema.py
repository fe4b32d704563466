"""The tables of the store: facts as received, what was concluded from them, and the books of the program itself."""

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
    UniqueConstraint,
)
from sqlalchemy.types import JSON

from reconciler import (
    columns,
    schema_alerts,
    schema_books,
    schema_cases,
    schema_erasure,
    schema_judged,
    schema_pull,
    schema_replay,
    schema_reports,
    schema_told,
    schema_users,
    schema_webhooks,
)
from reconciler.columns import BY_KEY, BigId, UtcTime, only

MORE = (
    schema_alerts, schema_books, schema_cases, schema_erasure, schema_judged, schema_pull, schema_replay,
    schema_reports, schema_told, schema_users, schema_webhooks,
)  # fmt: skip
"""Modules with tables of their own in the same `metadata`."""

metadata = columns.metadata
runs, job_runs, leases = schema_books.runs, schema_books.job_runs, schema_books.leases
bookings, changes, judged = schema_judged.bookings, schema_judged.changes, schema_judged.judged
loose_ends, matches = schema_judged.loose_ends, schema_judged.matches
paid_counts, totals = schema_judged.paid_counts, schema_judged.totals

BUYER = ("buyer_email", "telegram_user_id", "account_id")
"""What names a buyer: purchases of one buyer are looked for around a time."""

transactions = Table(
    "transactions",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("occurred_text", String, nullable=False),
    Column("occurred_exact", Boolean, nullable=False),
    Column("parent_ref", String),
    Column("group_ref", String, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("recurring", Boolean, nullable=False),
    Column("fee_minor", BigInteger),
    Column("product_id", String),
    Column("title", String),
    Column("buyer_email", String),
    Column("telegram_user_id", String),
    Column("account_id", String),
    Column("code_hash", String),
    Column("seller_started", Boolean, nullable=False),
    Column("reason", String),
    Column("listed", Boolean, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("provider", "ref"),
    Index(None, "occurred_at"),
    Index(None, "provider", "parent_ref", **only("parent_ref IS NOT NULL")),
    Index(None, "provider", "group_ref", **only("group_ref <> ref")),
    Index(None, "code_hash", **only("code_hash IS NOT NULL")),
    Index("ix_transactions_recurring", "provider", "occurred_at", **only("recurring", "recurring = 1")),
    Index("ix_transactions_chargebacks", "occurred_at", **only("kind = 'chargeback'")),
    *(Index(None, name, "occurred_at", **only(f"{name} IS NOT NULL")) for name in BUYER),
)

charge_states = Table(
    "charge_states",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("found", Boolean, nullable=False),
    Column("state", String),
    Column("claimed", Boolean),
    Column("read_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("provider", "ref"),
    **BY_KEY,
)

echoes = Table(
    "echoes",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("value", String, nullable=False),
    PrimaryKeyConstraint("provider", "ref", "value"),
    Index(None, "value"),
    **BY_KEY,
)

signals = Table(
    "signals",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("name", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("occurred_at", UtcTime),
    Column("text", Text, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("provider", "ref", "name"),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("provider", String),
    Column("provider_ref", String),
    Column("code_hash", String),
    Column("account_id", String),
    Column("buyer_email", String),
    Column("telegram_user_id", String),
    Column("product_id", String),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("credits_ordered_micro", BigInteger),
    Column("credits_micro", BigInteger),
    Column("credits_used_micro", BigInteger),
    Column("status", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("delivered_at", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "created_at"),
    Index(None, "provider_ref", **only("provider_ref IS NOT NULL")),
    Index(None, "code_hash", **only("code_hash IS NOT NULL")),
    *(Index(None, name, "created_at", **only(f"{name} IS NOT NULL")) for name in BUYER),
    Index("ix_orders_refunded_account_id", "account_id", **only("status = 'refunded'")),
    Index("ix_orders_refunded_updated_at", "updated_at", **only("status = 'refunded'")),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", String, primary_key=True),
    Column("email", String),
    Column("telegram_user_id", String),
    Column("status", String, nullable=False),
    Column("balance_micro", BigInteger),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "email", **only("email IS NOT NULL")),
    Index(None, "telegram_user_id", **only("telegram_user_id IS NOT NULL")),
    **BY_KEY,
)

payments = Table(
    "payments",
    metadata,
    Column("order_id", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("provider_ref", String, nullable=False),
    PrimaryKeyConstraint("order_id", "provider", "provider_ref"),
    Index(None, "provider_ref"),
    **BY_KEY,
)

raw_records = Table(
    "raw_records",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("provider", String, nullable=False),
    Column("source", String, nullable=False),
    Column("key", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("current", Boolean, nullable=False),
    UniqueConstraint("provider", "source", "key", "digest"),
)
"""`current` marks the form in which a record was last read: one that comes back to an earlier form is news."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("provider", String, nullable=False),
    Column("source", String, nullable=False),
    Column("key", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("released_at", UtcTime),
    PrimaryKeyConstraint("provider", "source", "key"),
    Index("ix_quarantine_held", "provider", "source", "key", **only("released_at IS NULL")),
)

feeds = Table(
    "feeds",
    metadata,
    Column("name", String, primary_key=True),
    Column("complete_since", UtcTime),
    Column("complete_until", UtcTime),
    Column("last_attempt_at", UtcTime),
    Column("last_success_at", UtcTime),
    Column("last_error", Text),
    Column("wanted_since", UtcTime),
    Column("whole_at", UtcTime),
)
"""`complete_…`: the span that was read completely; `wanted_since`: how far back it is to be read in all; `whole_at`:
when it was last read from there on in one piece."""

gaps = Table(
    "gaps",
    metadata,
    Column("feed", String, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("feed", "since", "until"),
)

LISTED = ("first_seen_at", "id", "kind", "severity", "provider", "account_id", "currency", "amount_minor")
"""The order of the list of findings, and all that it can be narrowed by: rows themselves are read for one page only."""

findings = Table(
    "findings",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("status", String, nullable=False),
    Column("provider", String),
    Column("order_id", String),
    Column("account_id", String),
    Column("amount_minor", BigInteger),
    Column("currency", String),
    Column("document", JSON, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("resolved_at", UtcTime),
    Column("resolution", Text),
    Column("case_id", String),
    Column("advice", JSON(none_as_null=True)),
    Column("anchor", String),
    Column("surplus", String),
    Index(None, "status", "kind", "severity"),
    Index(None, "anchor"),
    Index(None, "case_id", **only("case_id IS NOT NULL")),
    Index("ix_findings_listed", *LISTED, "status"),
    Index("ix_findings_listed_by_status", "status", *LISTED),
    Index("ix_findings_surplus", "status", "surplus", "provider", **only("surplus IS NOT NULL")),
    *(Index(None, name) for name in ("order_id", "account_id", "subject")),
)
"""`surplus`: of a duplicate the charges that it names, as its document lists them. Whether a charge is one of them is
asked for every case that is looked at, and documents are long."""

finding_events = Table(
    "finding_events",
    metadata,
    Column("finding_id", String, ForeignKey("findings.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("run_id", BigInteger),
    Column("event", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Column("own", JSON(none_as_null=True)),
    PrimaryKeyConstraint("finding_id", "number"),
    Index(None, "at"),
)
"""`own`: what the detector itself says, where the advice of a case stands in its place in the document."""

refund_approvals = Table(
    "refund_approvals",
    metadata,
    Column("id", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("decided_by", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Index(None, "provider", "ref"),
    Index(None, "recorded_at"),
)
