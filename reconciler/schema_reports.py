"""The table of reports: each period's document, written once when the period was over."""

from sqlalchemy import Column, Date, LargeBinary, PrimaryKeyConstraint, String, Table

from reconciler.columns import UtcTime, metadata

reports = Table(
    "reports",
    metadata,
    Column("length", String, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("zone", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("length", "first_day", "zone"),
)
"""`document`: JSON, compressed. It holds what buyers wrote: whoever erases a buyer removes the rows that name him."""
