"""The tables of the program's own work: runs with what they came to, the jobs' slots, and who may work at all."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, String, Table, Text
from sqlalchemy.types import JSON

from reconciler.columns import BigId, UtcTime, metadata

runs = Table(
    "runs",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("verdict", String),
    Column("statement", JSON),
    Column("problems", JSON),
    Index(None, "finished_at"),
)

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
