"""Finds the cases that have to be looked at again although no finding of theirs has changed."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from reconciler.cases.assess import DUPLICATE
from reconciler.cases.model import RESOLVED
from reconciler.schema import findings, refund_approvals
from reconciler.schema_cases import cases, disputes
from reconciler.schema_told import audit_records
from reconciler.store.purchases import parts

_TOLD = ((disputes, ("chargeback.stage", "chargeback.amount")), (refund_approvals, ("refund.approved",)))
"""What is recorded about a charge, with the audit records that say so; their subjects are its ids."""


def sharing(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """The cases of open duplicates that have a surplus charge which another of these cases is about."""
    about = {
        (row.provider, row.ref)
        for part in parts(sorted(ids))
        for row in connection.execute(sa.select(cases.c.provider, cases.c.ref).where(cases.c.id.in_(part)))
    }
    doubles = sa.and_(findings.c.kind == DUPLICATE, findings.c.status == "open", findings.c.case_id.is_not(None))
    query = sa.select(findings.c.provider, findings.c.document, findings.c.case_id).where(doubles)
    return {
        row.case_id
        for row in (connection.execute(query) if about else ())
        if any((row.provider, ref) in about for ref in row.document["transaction_ids"])
    }


def moved_by_time(connection: sa.Connection, now: datetime) -> set[str]:
    """Cases that time itself moves: with a due date, or snoozed until now; and those that wait for what was decided."""
    table = cases.c
    moved = sa.or_(table.due_at.is_not(None), table.snoozed_until <= now, table.status == "decided")
    standing = table.status != sa.literal_column(f"'{RESOLVED}'")  # spelled out: else no planner sees the index
    return set(connection.execute(sa.select(table.id).where(standing, moved)).scalars())


def told_of(connection: sa.Connection) -> set[str]:
    """Cases of whose charge something was recorded since the last run: a chargeback that was lost may be won now."""
    row = audit_records.c
    last = connection.execute(sa.select(sa.func.max(row.number)).where(row.kind == "run.ended")).scalar() or 0
    found: set[str] = set()
    for table, kinds in _TOLD:
        told = sa.select(row.subject).where(row.kind.in_(kinds), row.number > last)
        same = sa.and_(table.c.provider == cases.c.provider, table.c.ref == cases.c.ref)
        for part in parts(sorted(set(connection.execute(told).scalars()))):
            query = sa.select(cases.c.id).join(table, same).where(table.c.id.in_(part))
            found |= set(connection.execute(query).scalars())
    return found
