"""The tables of the pull's own books: looks that failed, and what a reading of the shop's payments has shown."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table, Text

from reconciler.columns import UtcTime, metadata

failed_looks = Table(
    "failed_looks",
    metadata,
    Column("provider", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_failed_at", UtcTime, nullable=False),
    Column("last_failed_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("provider", "ref"),
)
"""Charges that were asked for and could not be read since, although the provider answers otherwise."""

payments_read = Table(
    "payments_read",
    metadata,
    Column("order_id", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("provider_ref", String, nullable=False),
    Column("read_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("order_id", "provider", "provider_ref"),
)
"""The shop's payments as the reading that began at `read_at` has shown them so far; empty once it is complete."""
