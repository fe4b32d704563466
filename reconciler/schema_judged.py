"""The tables of what was concluded, and of what has changed since: matches, the books, and the log of changes."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, String, Table
from sqlalchemy.types import JSON

from reconciler.columns import BY_KEY, BigId, UtcTime, metadata

matches = Table(
    "matches",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("order_id", String, nullable=False),
    Column("rule", String, nullable=False),
    PrimaryKeyConstraint("provider", "ref"),
    Index(None, "order_id"),
    **BY_KEY,
)

bookings = Table(
    "bookings",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("class", String),
    Column("quarter", BigInteger),
    PrimaryKeyConstraint("provider", "ref"),
    **BY_KEY,
)
"""How the statement counts each transaction: `kind` is `charge` or `reversal`. One without a `class` is not accounted
for, so that the books do not close. `quarter` is the quarter of an hour, since 1970, of a paid charge."""

totals = Table(
    "totals",
    metadata,
    Column("kind", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("class", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "provider", "currency", "class"),
)
"""The bookings, summed; an empty `class` stands for none."""

paid_counts = Table(
    "paid_counts",
    metadata,
    Column("quarter", BigInteger, nullable=False),
    Column("provider", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("quarter", "provider", "currency"),
)
"""The paid charges among the bookings, counted: the months of every zone begin with a quarter of an hour."""

judged = Table(
    "judged",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rules", String, nullable=False),
    Column("marks", JSON, nullable=False),
)
"""One row: the fingerprint of the rules that the last run judged by, and the times that its judgements depend on."""

loose_ends = Table(
    "loose_ends",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    PrimaryKeyConstraint("provider", "ref"),
    **BY_KEY,
)
"""Charges, known or only named, that may need single looks until something about them changes."""

changes = Table(
    "changes",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("target", String, nullable=False),
    Column("provider", String),
    Column("ref", String, nullable=False),
    Column("old", Boolean, nullable=False),
    Column("other_ref", String),
    Column("code_hash", String),
    Column("account_id", String),
    Column("email", String),
    Column("telegram", String),
    Column("amount_minor", BigInteger),
    Column("at", UtcTime),
)
"""What changed since the last run, written by triggers with the change itself.

`target` says what `provider` and `ref` name: a `transaction`, an `order`, an `account`, or a `record` in quarantine,
with its source in `other_ref`. With `old` the row also says what it was linked by before: `other_ref` is the group of a
charge, the reference of an order or a payment.
"""
