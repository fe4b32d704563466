"""Narrow indexes for what else reads all cases on PostgreSQL: how many there are by status, and whose they are."""

from alembic import op

from reconciler.migrations.indexes import make_partial

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build both."""
    op.create_index(op.f("ix_cases_status"), "cases", ["status"])
    make_partial("ix_cases_owned", "cases", ["owner", "urgency", "opened_at", "id"], "owner IS NOT NULL")
