"""Indexes of reversals and of shared orders hold these alone: each charge that is written has two fewer to keep up."""

from alembic import op

from reconciler.migrations.indexes import make_partial

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None

NARROW = {"parent_ref": "parent_ref IS NOT NULL", "group_ref": "group_ref <> ref"}


def upgrade() -> None:
    """Build both anew."""
    for column, condition in NARROW.items():
        name = f"ix_transactions_provider_{column}"
        op.drop_index(op.f(name), "transactions")
        make_partial(name, "transactions", ["provider", column], condition)
