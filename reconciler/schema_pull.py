"""The tables of the pull's own books: how far feeds were read, looks that failed, and the shop's payments as read."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table, Text

from reconciler.columns import UtcTime, metadata

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
