"""Findings and cases page by page, narrowed as asked: what the dashboard, the API and the exports show."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.cases.shown import public as public_case
from reconciler.findings import public as public_finding
from reconciler.schema import findings
from reconciler.schema_cases import cases
from reconciler.store.filters import Wanted, conditions
from reconciler.store.paging import MOST, SIZE, page, whole
from reconciler.store.search import named

Shown = dict[str, Any]
EXPORTED = 100_000
"""Rows that an export holds at most."""


def finding_page(
    connection: sa.Connection, asked: Wanted, after: str | None = None, size: int = SIZE
) -> tuple[list[Shown], str | None]:
    """Findings in their public form, the newest first, and where the next page begins."""
    key = (findings.c.first_seen_at, findings.c.id)
    query = sa.select(*key).where(*conditions(findings, asked.but(owner=""), time="first_seen_at"))
    if asked.q:
        query = query.where(findings.c.id.in_(_findings_named(connection, asked.q)))
    found = page(connection, query, key, after=after, size=size, newest_first=True)
    return [public_finding(row) for row in whole(connection, findings, found.rows)], found.next


def case_page(
    connection: sa.Connection, asked: Wanted, now: datetime, after: str | None = None, size: int = SIZE
) -> tuple[list[Shown], str | None]:
    """Cases in their public form, the most urgent first, and where the next page begins."""
    key = (cases.c.urgency, cases.c.opened_at, cases.c.id)
    query = sa.select(*key).where(*conditions(cases, asked, time="opened_at"))
    if asked.q:
        query = query.where(cases.c.id.in_(_cases_named(connection, asked.q)))
    found = page(connection, query, key, after=after, size=size)
    ids = _finding_ids(connection, [row["id"] for row in found.rows])
    return [public_case(row, now, ids[row["id"]]) for row in whole(connection, cases, found.rows)], found.next


def cases_of(connection: sa.Connection, ids: Collection[str], now: datetime) -> dict[str, Shown]:
    """Those of these cases that there are, by their ids."""
    rows = connection.execute(sa.select(cases).where(cases.c.id.in_(ids))).mappings()
    return {row["id"]: public_case(dict(row), now, []) for row in rows}


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


def _findings_named(connection: sa.Connection, text: str) -> sa.CompoundSelect[Any]:
    """The ids of the findings about what a text names: each way to know it by an index of its own."""
    found, table = named(connection, text), findings.c
    subjects = [f"charge:{provider}/{ref}" for provider, ref in found.charges]
    ways = [
        table.id == text, table.subject.in_(subjects), table.order_id.in_(found.orders),
        table.account_id.in_(found.accounts), *(table.case_id.in_(query) for query in _of_charges(found.charges)),
    ]  # fmt: skip
    return sa.union(*(sa.select(table.id).where(way) for way in ways))


def _cases_named(connection: sa.Connection, text: str) -> sa.CompoundSelect[Any]:
    found, table = named(connection, text), cases.c
    ways = [table.id == text, table.order_id.in_(found.orders), table.account_id.in_(found.accounts)]
    return sa.union(*(sa.select(table.id).where(way) for way in ways), *_of_charges(found.charges))


def _of_charges(charges: Collection[tuple[str, str]]) -> Iterator[sa.Select[Any]]:
    """The ids of the cases of these charges, a query for each provider."""
    for provider in sorted({provider for provider, _ in charges}):
        refs = [ref for one, ref in charges if one == provider]
        yield sa.select(cases.c.id).where(cases.c.provider == provider, cases.c.ref.in_(refs))


def _finding_ids(connection: sa.Connection, ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = sa.select(findings.c.case_id, findings.c.id).where(findings.c.case_id.in_(ids))
    for case_id, id_ in connection.execute(query.order_by(findings.c.first_seen_at, findings.c.id)):
        found[case_id].append(id_)
    return found
