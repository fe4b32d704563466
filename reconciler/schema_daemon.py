"""The tables of whoever runs the jobs: which were due and what became of them, and who holds the lease."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table, Text

from reconciler.columns import UtcTime, metadata

job_runs = Table(
    "job_runs",
    metadata,
    Column("job", String, nullable=False),
    Column("slot", UtcTime, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("error", Text),
    PrimaryKeyConstraint("job", "slot"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)
