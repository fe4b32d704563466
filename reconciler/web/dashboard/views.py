"""Saved views: filters under a name."""

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reconciler.store import saved_views
from reconciler.store.engine import write
from reconciler.store.filters import NAMES
from reconciler.web.dashboard.guard import ByViewer
from reconciler.web.dashboard.site import site_of

router = APIRouter(include_in_schema=False)


@router.post("/views/save")
def save(request: Request, change: ByViewer) -> Response:
    """Keep the filter under a name."""
    page, query = change.text("page", 20), _known(change.text("query"))
    with write(site_of(request).engine) as connection:
        saved_views.save(connection, change.visitor.name, page, change.text("name", 60), query)
    return RedirectResponse(f"/{page}?{query}", 303)


@router.post("/views/forget")
def forget(request: Request, change: ByViewer) -> Response:
    """Keep it no longer."""
    page = change.text("page", 20)
    with write(site_of(request).engine) as connection:
        saved_views.forget(connection, change.visitor.name, page, change.text("name", 60))
    return RedirectResponse(f"/{page}" if page in saved_views.PAGES else "/", 303)


def _known(query: str) -> str:
    """The query with nothing in it but filters."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name in NAMES])
