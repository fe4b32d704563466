"""Finds alerts that somebody has seen to without pressing a button: by a decision, or by mending the cause."""

from datetime import datetime

import sqlalchemy as sa

from reconciler.alerts.model import OPEN
from reconciler.schema import findings
from reconciler.schema_alerts import alert_findings, alerts
from reconciler.schema_cases import cases
from reconciler.schema_told import outbox
from reconciler.store import audit
from reconciler.store.alerts import STANDING, acknowledge, resolve

CASE, HELD = "case:", "held:"
"""How the keys of alerts begin that are about a case's date, and about a held command."""


def seen_to(connection: sa.Connection, now: datetime) -> None:
    """Acknowledge alerts whose cases are all decided, and resolve those about a date or a command that is past."""
    acknowledge(connection, _decided(connection), "a decision", audit.PROGRAM, now)
    row = alerts.c
    notices = sa.select(row.id, row.subject, row.opened_at).where(row.state.in_(STANDING), row.kind == "notice")
    for id_, subject, opened_at in connection.execute(notices).all():
        if _is_past(connection, subject, opened_at):
            resolve(connection, id_, now)


def _decided(connection: sa.Connection) -> list[str]:
    """Open alerts that wait for nobody: every finding that stands has a case, and none of the cases is open."""
    about = alert_findings.c.alert_id == alerts.c.id
    stands = sa.and_(about, alert_findings.c.gone.is_(sa.false()))
    waits = (
        sa.select(findings.c.id)
        .select_from(alert_findings)
        .join(findings, findings.c.id == alert_findings.c.finding_id)
        .outerjoin(cases, cases.c.id == findings.c.case_id)
        .where(stands, sa.or_(cases.c.id.is_(None), cases.c.status == "open"))
        .correlate(alerts)
    )
    query = sa.select(alerts.c.id).where(alerts.c.state == OPEN, sa.exists().where(stands), ~waits.exists())
    return list(connection.execute(query).scalars())


def _is_past(connection: sa.Connection, subject: str, opened_at: datetime) -> bool:
    if subject.startswith(CASE):
        return _is_answered(connection, subject.split(":")[1], opened_at)
    if subject.startswith(HELD):
        state = sa.select(outbox.c.state).where(outbox.c.key == subject.removeprefix(HELD).rpartition(":")[0])
        return connection.execute(state).scalar() != "held"
    return False


def _is_answered(connection: sa.Connection, case_id: str, called_at: datetime) -> bool:
    """Whether the case waits for nobody: it is resolved, or it was decided after somebody was called.

    A decision of before does not answer the bank: that is due although the account was suspended long ago.
    """
    query = sa.select(cases.c.status, cases.c.decision).where(cases.c.id == case_id)
    case = connection.execute(query).one_or_none()
    if case is None or case.status != "decided":
        return case is not None and bool(case.status == "resolved")
    return case.decision is None or datetime.fromisoformat(case.decision["at"]) >= called_at
