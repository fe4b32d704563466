"""What one operator has decided about a case and a second one has not confirmed yet."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing waits."""
    op.add_column("cases", sa.Column("pending", sa.JSON(), nullable=True))
