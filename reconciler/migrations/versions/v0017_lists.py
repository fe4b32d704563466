"""Indexes that hold all that the lists are narrowed by, so that a filter that fits little reads no wide rows."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

FINDINGS = ("first_seen_at", "id", "kind", "severity", "provider", "account_id", "currency", "amount_minor")
CASES = (
    "urgency", "opened_at", "id", "kind", "severity", "provider", "owner", "account_id", "currency", "amount_minor",
)  # fmt: skip
GONE: dict[str, tuple[tuple[str, ...], ...]] = {
    "findings": (
        ("first_seen_at",),
        ("first_seen_at", "id"),
        ("status", "first_seen_at", "id"),
        ("kind", "first_seen_at", "id"),
        ("status", "kind"),
    ),
    "cases": (
        ("status", "urgency", "opened_at", "id"),
        ("urgency", "opened_at", "id"),
        ("kind", "urgency", "opened_at", "id"),
        ("owner", "urgency", "opened_at", "id"),
    ),
}
NEW = {
    "ix_findings_listed": ("findings", (*FINDINGS, "status")),
    "ix_findings_listed_by_status": ("findings", ("status", *FINDINGS)),
    "ix_findings_status_kind_severity": ("findings", ("status", "kind", "severity")),
    "ix_cases_queued": ("cases", (*CASES, "status")),
    "ix_cases_queued_by_status": ("cases", ("status", *CASES)),
}


def upgrade() -> None:
    """Put the wider indexes in the place of the narrow ones."""
    for table, keys in GONE.items():
        for columns in keys:
            op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
    for name, (table, columns) in NEW.items():
        op.create_index(op.f(name), table, list(columns))
