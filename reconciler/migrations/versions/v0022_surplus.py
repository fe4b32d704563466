"""The surplus charges of duplicates in a column and an index of their own, apart from the long documents."""

import sqlalchemy as sa
from alembic import op

from reconciler.migrations.indexes import make_partial

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LISTED = {
    "sqlite": "json_extract(document, '$.transaction_ids')",
    "postgresql": "CAST(document -> 'transaction_ids' AS TEXT)",
}


def upgrade() -> None:
    """Add the column, fill it from the documents, and build the index."""
    op.add_column("findings", sa.Column("surplus", sa.String(), nullable=True))
    listed = LISTED[op.get_context().dialect.name]
    op.execute(f"UPDATE findings SET surplus = {listed} WHERE kind = 'duplicate_charge'")
    make_partial("ix_findings_surplus", "findings", ["status", "surplus", "provider"], "surplus IS NOT NULL")
