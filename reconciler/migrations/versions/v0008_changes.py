"""A log of changes, and what runs need to judge only what changed."""

import sqlalchemy as sa
from alembic import op

from reconciler.migrations import changelog
from reconciler.migrations.indexes import make_partial

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BUYER = {"account_id": "account_id", "email": "buyer_email", "telegram": "telegram_user_id"}

LOGGED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "transactions": (
        changelog.TRANSACTION,
        {
            "other_ref": "group_ref",
            "code_hash": "code_hash",
            **_BUYER,
            "amount_minor": "amount_minor",
            "at": "occurred_at",
        },
    ),
    "orders": (
        changelog.ORDER,
        {
            "other_ref": "provider_ref",
            "code_hash": "code_hash",
            **_BUYER,
            "amount_minor": "amount_minor",
            "at": "created_at",
        },
    ),
    "payments": (changelog.ORDER, {"other_ref": "provider_ref"}),
    "accounts": (changelog.ACCOUNT, {"email": "email", "telegram": "telegram_user_id"}),
    "charge_states": (changelog.TRANSACTION, {}),
    "echoes": (changelog.TRANSACTION, {}),
    "signals": (changelog.TRANSACTION, {}),
    "refund_approvals": (changelog.TRANSACTION, {}),
    "disputes": (changelog.TRANSACTION, {}),
    "quarantine": (changelog.RECORD, {}),
}
"""For each table that is logged: what names the changed row, and by what it was linked before."""


def upgrade() -> None:
    """Create the tables of the log and of the books, the indexes that a scope is looked up by, and the triggers."""
    _make_tables()
    _keep_open_items()
    _anchor_findings()
    _make_indexes()
    for table, (key, links) in LOGGED.items():
        changelog.log_changes(table, key, links)


def _make_tables() -> None:
    op.create_table(
        "changes",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("old", sa.Boolean(), nullable=False),
        sa.Column("other_ref", sa.String(), nullable=True),
        sa.Column("code_hash", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("telegram", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_table(
        "judged",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judged")),
    )
    op.create_table(
        "bookings",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("class", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("provider", "ref", name=op.f("pk_bookings")),
    )
    op.create_table(
        "totals",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "provider", "currency", "class", name=op.f("pk_totals")),
    )
    op.add_column("findings", sa.Column("anchor", sa.String(), nullable=True))


def _keep_open_items() -> None:
    """The next run's books begin with what the last one left open."""
    op.execute(
        "INSERT INTO bookings (provider, ref, kind, currency, amount_minor, class) "
        "SELECT provider, ref, 'charge', currency, amount_minor, 'open' FROM open_charges"
    )
    op.execute(
        "INSERT INTO totals (kind, provider, currency, class, count, minor) "
        "SELECT 'charge', provider, currency, 'open', count(*), sum(amount_minor) FROM open_charges "
        "GROUP BY provider, currency"
    )
    op.drop_table("open_charges")


def _anchor_findings() -> None:
    findings = sa.table("findings", *(sa.column(name) for name in ("id", "kind", "subject", "anchor")))
    for row in op.get_bind().execute(sa.select(findings.c.id, findings.c.kind, findings.c.subject)).all():
        what, _, name = row.subject.partition(":")
        name = name.rsplit(":", 2)[0] if row.kind == "duplicate_charge" else name
        name = name.rsplit("/", 1)[0] if what in {"signal", "chargeback"} else name
        what = what if what in {"order", "record"} else "transaction"
        anchor = "gaps" if row.subject.startswith(("gap:", "webhook:")) else f"{what}:{name}"
        op.execute(sa.update(findings).where(findings.c.id == row.id).values(anchor=anchor))


def _make_indexes() -> None:
    plain = {
        "orders": (["created_at"],),
        "echoes": (["value"],),
        "payments": (["provider_ref"],),
        "refund_approvals": (["recorded_at"],),
        "findings": (["anchor"],),
    }
    for table, indexes in plain.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, unique=False)
    for table, time in (("transactions", "occurred_at"), ("orders", "created_at")):
        for name in _BUYER.values():
            make_partial(f"ix_{table}_{name}_{time}", table, [name, time], f"{name} IS NOT NULL")
        make_partial(f"ix_{table}_code_hash", table, ["code_hash"], "code_hash IS NOT NULL")
    make_partial("ix_orders_provider_ref", "orders", ["provider_ref"], "provider_ref IS NOT NULL")
    make_partial("ix_accounts_email", "accounts", ["email"], "email IS NOT NULL")
    make_partial("ix_accounts_telegram_user_id", "accounts", ["telegram_user_id"], "telegram_user_id IS NOT NULL")
    make_partial("ix_orders_refunded_account_id", "orders", ["account_id"], "status = 'refunded'")
    make_partial("ix_orders_refunded_updated_at", "orders", ["updated_at"], "status = 'refunded'")
    make_partial("ix_quarantine_held", "quarantine", ["provider", "source", "key"], "released_at IS NULL")
