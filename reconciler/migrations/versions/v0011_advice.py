"""What a finding recommends because of its case."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the next run fills it."""
    op.add_column("findings", sa.Column("advice", sa.JSON(), nullable=True))
