"""Alerts, the messages that tell of them, and how their addresses fare."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _alerts()
    _alert_findings()
    _messages()
    op.create_table(
        "alert_addresses",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("chat_id", sa.String(), nullable=True),
        sa.Column("blocked_until", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alert_addresses")),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("repeat_at", sa.BigInteger(), nullable=True),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("escalated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_state_kind"), "alerts", ["state", "kind"])


def _alert_findings() -> None:
    op.create_table(
        "alert_findings",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("finding_id", sa.String(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "finding_id", name=op.f("pk_alert_findings")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_findings_alert_id_alerts")),
    )
    op.create_index(op.f("ix_alert_findings_finding_id"), "alert_findings", ["finding_id"])


def _messages() -> None:
    op.create_table(
        "alert_messages",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("shown", sa.String(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alert_messages")),
        sa.UniqueConstraint("token", name=op.f("uq_alert_messages_token")),
    )
    op.create_index(op.f("ix_alert_messages_address_sent_at"), "alert_messages", ["address", "sent_at"])
    op.create_table(
        "alert_parts",
        sa.Column("message_key", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("message_key", "alert_id", name=op.f("pk_alert_parts")),
        sa.ForeignKeyConstraint(
            ["message_key"], ["alert_messages.key"], name=op.f("fk_alert_parts_message_key_alert_messages")
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_parts_alert_id_alerts")),
    )
    op.create_index(op.f("ix_alert_parts_alert_id"), "alert_parts", ["alert_id"])
