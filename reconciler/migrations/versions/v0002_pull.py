"""How far back each feed is to be read, looks that failed, and which payments a reading of the shop's has shown."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A feed that was read before is wanted from where it was complete; nothing else is known about the past."""
    op.add_column("feeds", sa.Column("wanted_since", sa.BigInteger(), nullable=True))
    op.add_column("feeds", sa.Column("whole_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE feeds SET wanted_since = complete_since")
    op.create_table(
        "failed_looks",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("first_failed_at", sa.BigInteger(), nullable=False),
        sa.Column("last_failed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "ref", name=op.f("pk_failed_looks")),
    )
    op.create_table(
        "payments_read",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_ref", sa.String(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "provider", "provider_ref", name=op.f("pk_payments_read")),
    )
