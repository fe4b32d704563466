"""The audit chain, the outbox with its attempts, and the commands to the shop."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and have the database itself refuse to change or remove an audit record."""
    _audit()
    _outbox()
    _commands()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _audit() -> None:
    op.create_table(
        "audit_records",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_records")),
    )
    op.create_index(op.f("ix_audit_records_kind_number"), "audit_records", ["kind", "number"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sequence_key", sa.String(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("trying_since", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_state_due_at"), "outbox", ["state", "due_at"])
    op.create_index(op.f("ix_outbox_sequence_key_id"), "outbox", ["sequence_key", "id"])
    op.create_table(
        "outbox_attempts",
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_outbox_attempts_outbox_id_outbox")),
        sa.PrimaryKeyConstraint("outbox_id", "epoch", name=op.f("pk_outbox_attempts")),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("command_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("finding_id", sa.String(), nullable=True),
        sa.Column("policy_clause", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence_url", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_commands")),
        sa.UniqueConstraint("account_id", "seq", name=op.f("uq_commands_account_id_seq")),
    )
    op.create_index(op.f("ix_commands_case_id"), "commands", ["case_id"])
    op.create_index(op.f("ix_commands_made_at"), "commands", ["made_at"])


def _guard_sqlite() -> None:
    refuse = "BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END"
    op.execute(f"CREATE TRIGGER audit_records_update BEFORE UPDATE ON audit_records {refuse}")
    op.execute(f"CREATE TRIGGER audit_records_delete BEFORE DELETE ON audit_records {refuse}")
    # INSERT OR REPLACE would remove a record without any of the two
    there = "EXISTS (SELECT 1 FROM audit_records WHERE number = NEW.number)"
    op.execute(f"CREATE TRIGGER audit_records_replace BEFORE INSERT ON audit_records WHEN {there} {refuse}")


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_records_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit records are never changed'; END $$"
    )
    for name, event in (("change", "UPDATE OR DELETE"), ("truncate", "TRUNCATE")):
        op.execute(
            f"CREATE TRIGGER audit_records_{name} BEFORE {event} ON audit_records "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_records_refuse()"
        )
