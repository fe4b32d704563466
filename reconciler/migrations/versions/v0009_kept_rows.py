"""What is needed without reading through the past: loose ends, counts of charges, and indexes of the few among many."""

import sqlalchemy as sa
from alembic import op

from reconciler.migrations.indexes import make_partial

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, which the next run fills since it judges everything, and the indexes."""
    op.create_table(
        "loose_ends",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "ref", name=op.f("pk_loose_ends")),
    )
    op.add_column("bookings", sa.Column("quarter", sa.BigInteger(), nullable=True))
    op.create_table(
        "paid_counts",
        sa.Column("quarter", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("quarter", "provider", "currency", name=op.f("pk_paid_counts")),
    )
    op.execute("DELETE FROM judged")
    op.create_index(op.f("ix_webhooks_provider_id"), "webhooks", ["provider", "id"], unique=False)
    op.create_index(op.f("ix_disputes_opened_at"), "disputes", ["opened_at"], unique=False)
    op.create_index(op.f("ix_disputes_state"), "disputes", ["state"], unique=False)
    make_partial("ix_transactions_recurring", "transactions", ["provider", "occurred_at"], "recurring", "recurring = 1")
    make_partial("ix_transactions_chargebacks", "transactions", ["occurred_at"], "kind = 'chargeback'")
    make_partial("ix_findings_case_id", "findings", ["case_id"], "case_id IS NOT NULL")
    make_partial("ix_cases_standing", "cases", ["id"], "status <> 'resolved'")
