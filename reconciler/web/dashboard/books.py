"""The program's own books: jobs and runs, reports by day, the audit chain, and the settings in effect."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response

from reconciler import config
from reconciler.errors import BadRecord
from reconciler.report import FORMATS
from reconciler.report.period import around
from reconciler.store import audit, days, status
from reconciler.store.engine import read
from reconciler.store.job_views import jobs
from reconciler.store.reports import report_of
from reconciler.store.runs import recent_runs
from reconciler.store.users import list_users
from reconciler.web.dashboard.guard import Admin, Viewer
from reconciler.web.dashboard.headers import DOCUMENT_CSP
from reconciler.web.dashboard.site import language_of, page, site_of

RUNS = 20
_MIME = {
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
router = APIRouter(include_in_schema=False)


@router.get("/jobs")
def job_list(request: Request, visitor: Viewer) -> Response:
    """Every job with its last and next time, and the last runs."""
    site = site_of(request)
    with read(site.engine) as connection:
        found = jobs(connection, site.settings, site.now())
        runs = [status.run_document(row) for row in recent_runs(connection, RUNS)]
    return page(request, "jobs", visitor, jobs=found, runs=runs)


@router.get("/reports")
def reports(request: Request, visitor: Viewer) -> Response:
    """The days that there is a report of."""
    site = site_of(request)
    with read(site.engine) as connection:
        found = days.with_runs(connection, site.now(), site.zone)
    return page(request, "reports", visitor, days=found, forms=FORMATS)


@router.get("/reports/{day}.{suffix}")
def report(request: Request, visitor: Viewer, day: str, suffix: str) -> Response:
    """A day's report in one of its forms, made from what is stored."""
    site = site_of(request)
    form = next((one for one in FORMATS if one.suffix == f".{suffix}"), None)
    try:
        wanted = around(date.fromisoformat(day), site.zone)
    except ValueError:
        form = None
    if form is None:
        raise BadRecord(f"there is no report {day[:20]}.{suffix[:10]}")
    document = report_of(site.engine, site.settings, wanted, site.now())
    if document is None:
        raise BadRecord(f"there is no report for {day}: no run had finished by its end")
    headers = {"Content-Security-Policy": DOCUMENT_CSP}
    if form.name != "html":
        headers["Content-Disposition"] = f'attachment; filename="report-{day}{form.suffix}"'
    return Response(
        form.render(document, language_of(request)), 200, headers, _MIME.get(form.name, "application/octet-stream")
    )


@router.get("/audit")
def records(request: Request, visitor: Viewer, after: str = "") -> Response:
    """What was done and by whom, the newest first."""
    with read(site_of(request).engine) as connection:
        rows, following = audit.record_page(connection, after)
    return page(request, "audit", visitor, rows=_readable(rows), next=following, after=after, verified=None)


@router.get("/audit/verify")
def verify(request: Request, visitor: Viewer, head: str = "") -> Response:
    """Walk the whole chain."""
    with read(site_of(request).engine) as connection:
        verified = audit.chain(connection, head.strip().lower() or None)
    return page(request, "audit", visitor, rows=[], next=None, after="", verified=verified)


@router.get("/settings")
def settings(request: Request, visitor: Admin) -> Response:
    """The configuration in effect, with no secret in it, and who may come in."""
    site = site_of(request)
    with read(site.engine) as connection:
        people = list_users(connection)
    return page(request, "settings", visitor, sections=list(_sections(config.masked(site.settings))), people=people)


def _sections(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, list[tuple[str, str]]]]:
    own = [(name, json.dumps(value, ensure_ascii=False)) for name, value in values.items() if not _is_section(value)]
    if own:
        yield f"[{path}]" if path else "config.toml", own
    for name, value in values.items():
        if _is_section(value):
            yield from _sections(value, f"{path}.{name}" if path else name)


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def _readable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"data": json.dumps(row["data"], ensure_ascii=False)} for row in rows]
