"""Findings and cases page by page, narrowed as asked: what the dashboard, the API and the exports show."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.cases.shown import public as public_case
from reconciler.findings import public as public_finding
from reconciler.schema import findings
from reconciler.schema_cases import cases
from reconciler.store.filters import Wanted, conditions
from reconciler.store.paging import MOST, SIZE, page
from reconciler.store.search import named

Shown = dict[str, Any]
EXPORTED = 100_000
"""Rows that an export holds at most."""


def finding_page(
    connection: sa.Connection, asked: Wanted, after: str | None = None, size: int = SIZE
) -> tuple[list[Shown], str | None]:
    """Findings in their public form, the newest first, and where the next page begins."""
    query = sa.select(findings).where(*conditions(findings, asked.but(owner=""), time="first_seen_at"))
    if asked.q:
        query = query.where(_findings_named(connection, asked.q))
    key = (findings.c.first_seen_at, findings.c.id)
    found = page(connection, query, key, after=after, size=size, newest_first=True)
    return [public_finding(row) for row in found.rows], found.next


def case_page(
    connection: sa.Connection, asked: Wanted, now: datetime, after: str | None = None, size: int = SIZE
) -> tuple[list[Shown], str | None]:
    """Cases in their public form, the most urgent first, and where the next page begins."""
    query = sa.select(cases).where(*conditions(cases, asked, time="opened_at"))
    if asked.q:
        query = query.where(_cases_named(connection, asked.q))
    found = page(connection, query, (cases.c.urgency, cases.c.opened_at, cases.c.id), after=after, size=size)
    ids = _finding_ids(connection, [row["id"] for row in found.rows])
    return [public_case(row, now, ids[row["id"]]) for row in found.rows], found.next


def all_findings(connection: sa.Connection, asked: Wanted) -> Iterator[Shown]:
    """Every finding that is asked for, page by page, up to what an export holds."""
    after, left = None, EXPORTED
    while left > 0:
        rows, after = finding_page(connection, asked, after, MOST)
        yield from rows
        left -= len(rows)
        if after is None:
            return


def all_cases(connection: sa.Connection, asked: Wanted, now: datetime) -> Iterator[Shown]:
    """Every case that is asked for, page by page, up to what an export holds."""
    after, left = None, EXPORTED
    while left > 0:
        rows, after = case_page(connection, asked, now, after, MOST)
        yield from rows
        left -= len(rows)
        if after is None:
            return


def _findings_named(connection: sa.Connection, text: str) -> sa.ColumnElement[bool]:
    found = named(connection, text)
    subjects = [f"charge:{provider}/{ref}" for provider, ref in found.charges]
    of_cases = sa.select(cases.c.id).where(sa.tuple_(cases.c.provider, cases.c.ref).in_(found.charges))
    return sa.or_(
        findings.c.id == text,
        findings.c.subject.in_(subjects),
        findings.c.order_id.in_(found.orders),
        findings.c.account_id.in_(found.accounts),
        findings.c.case_id.in_(of_cases) if found.charges else sa.false(),
    )


def _cases_named(connection: sa.Connection, text: str) -> sa.ColumnElement[bool]:
    found = named(connection, text)
    return sa.or_(
        cases.c.id == text,
        cases.c.order_id.in_(found.orders),
        cases.c.account_id.in_(found.accounts),
        sa.tuple_(cases.c.provider, cases.c.ref).in_(found.charges) if found.charges else sa.false(),
    )


def _finding_ids(connection: sa.Connection, ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = sa.select(findings.c.case_id, findings.c.id).where(findings.c.case_id.in_(ids))
    for case_id, id_ in connection.execute(query.order_by(findings.c.first_seen_at, findings.c.id)):
        found[case_id].append(id_)
    return found
