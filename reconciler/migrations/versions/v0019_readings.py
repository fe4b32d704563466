"""The log of readings and what each run was judged with, from which a day's result can be recomputed."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and note which form of each record is the current one."""
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "readings",
        sa.Column("id", big_id, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings")),
    )
    op.create_index(op.f("ix_readings_at"), "readings", ["at"])
    op.create_table(
        "kept_texts",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_kept_texts")),
    )
    op.create_table(
        "run_inputs",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_reading", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("feeds", sa.JSON(), nullable=False),
        sa.Column("books", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_inputs")),
    )
    op.add_column("finding_events", sa.Column("own", sa.JSON(), nullable=True))
    op.add_column("raw_records", sa.Column("current", sa.Boolean(), server_default=sa.true(), nullable=False))
    _mark_current()


def _mark_current() -> None:
    names = ("id", "provider", "source", "key", "current")
    row = sa.table("raw_records", *(sa.column(name) for name in names))
    later = row.alias("later")
    same = (later.c[name] == row.c[name] for name in ("provider", "source", "key"))
    superseded = sa.exists().where(*same, later.c.id > row.c.id)
    op.execute(sa.update(row).where(superseded).values(current=sa.false()))
