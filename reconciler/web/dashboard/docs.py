"""The description of `/api/v1` as a page: made here from the OpenAPI document, with nothing loaded from elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from reconciler.web.api.bearer import SignedIn
from reconciler.web.dashboard.guard import Viewer
from reconciler.web.dashboard.site import page, site_of

router = APIRouter(include_in_schema=False)


@router.get("/api/v1/openapi.json")
def document(request: Request, _who: SignedIn) -> Response:
    """The document itself, for programs with any token and people who are logged in."""
    return JSONResponse(request.app.openapi())


@router.get("/api/v1/docs")
def docs(request: Request, visitor: Viewer) -> Response:
    """Every operation with its parameters."""
    operations = sorted(_operations(request.app.openapi()), key=lambda one: (one["path"], one["method"]))
    base = site_of(request).settings.web.public_url.rstrip("/") or f"http://{request.headers.get('host', '')}"
    return page(request, "docs", visitor, operations=operations, base=base)


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield {
                "path": path,
                "method": method.upper(),
                "summary": said.get("summary", ""),
                "description": said.get("description", ""),
                "parameters": [{"description": "", **one} for one in said.get("parameters", [])],
            }
