"""What the dashboard's lists are read by: the queue's order as a number, and indexes for each way through them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UNHURRIED = 2**60
INDEXES = {
    "cases": (
        ("status", "urgency", "opened_at", "id"),
        ("urgency", "opened_at", "id"),
        ("kind", "urgency", "opened_at", "id"),
        ("owner", "urgency", "opened_at", "id"),
        ("order_id",),
        ("account_id",),
    ),
    "disputes": (("opened_at", "id"),),
    "findings": (
        ("first_seen_at", "id"),
        ("status", "first_seen_at", "id"),
        ("kind", "first_seen_at", "id"),
        ("order_id",),
        ("account_id",),
        ("subject",),
    ),
}


def upgrade() -> None:
    """Add the column, fill it, and index."""
    op.add_column("cases", sa.Column("urgency", sa.BigInteger(), nullable=True))
    cases = sa.table("cases", *(sa.column(name) for name in ("due_at", "severity", "urgency")))
    unhurried = sa.case((cases.c.severity == "critical", UNHURRIED), else_=UNHURRIED + 1)
    op.execute(sa.update(cases).values(urgency=sa.func.coalesce(cases.c.due_at, unhurried)))
    op.drop_index(op.f("ix_cases_status"), "cases")
    for table, keys in INDEXES.items():
        for columns in keys:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
