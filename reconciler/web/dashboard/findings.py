"""Findings: the list, narrowed by its address, and one in full."""

from fastapi import APIRouter, Request, Response

from reconciler.store import saved_views
from reconciler.store.engine import read
from reconciler.store.listing import all_findings, finding_page
from reconciler.store.stories import gather
from reconciler.web.dashboard.asked import asked_of, form_of, query_of
from reconciler.web.dashboard.exported import csv_of
from reconciler.web.dashboard.guard import Viewer
from reconciler.web.dashboard.site import page, site_of

router = APIRouter(include_in_schema=False)


@router.get("/findings")
def listed(request: Request, visitor: Viewer, after: str = "") -> Response:
    """The newest first."""
    with read(site_of(request).engine) as connection:
        rows, following = finding_page(connection, asked_of(request), after)
        saved = saved_views.of_user(connection, visitor.name, "findings")
    return page(
        request, "findings", visitor, rows=rows, next=following, after=after, saved=saved,
        asked=form_of(request), query=query_of(request),
    )  # fmt: skip


@router.get("/findings.csv")
def exported(request: Request, visitor: Viewer) -> Response:
    """What the list shows, all pages of it."""
    with read(site_of(request).engine) as connection:
        return csv_of("findings", all_findings(connection, asked_of(request)), visitor)


@router.get("/findings/{id_}")
def one(request: Request, visitor: Viewer, id_: str) -> Response:
    """Everything about one finding."""
    with read(site_of(request).engine) as connection:
        return page(request, "finding", visitor, story=gather(connection, id_))
