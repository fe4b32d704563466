"""Fewer and shorter searches in a long past.

Indexes of reversals and of shared orders hold these alone: each charge that is written has two fewer to keep up. SQLite
keeps narrow rows in their primary key itself. PostgreSQL notes what a statement changed at once, not row by row.
"""

from alembic import op

from reconciler.migrations.changelog import log_at_once
from reconciler.migrations.indexes import make_partial
from reconciler.migrations.rows import keep_by_key
from reconciler.migrations.versions.v0008_changes import LOGGED

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NARROW = {"parent_ref": "parent_ref IS NOT NULL", "group_ref": "group_ref <> ref"}
BY_KEY = {
    "accounts": ("account_id",),
    "payments": ("order_id", "provider", "provider_ref"),
    "echoes": ("provider", "ref", "value"),
    **dict.fromkeys(("charge_states", "matches", "bookings", "loose_ends"), ("provider", "ref")),
}


def upgrade() -> None:
    """Build the indexes, the tables and the triggers anew."""
    for column, condition in NARROW.items():
        name = f"ix_transactions_provider_{column}"
        op.drop_index(op.f(name), "transactions")
        make_partial(name, "transactions", ["provider", column], condition)
    for table, key in BY_KEY.items():
        keep_by_key(table, *key)
    for table, (named, links) in LOGGED.items():
        log_at_once(table, named, links)
