"""Styles, scripts and the icon: read once, compressed once, under addresses that change with their content."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Request, Response

_KINDS = {
    "pico.min.css": "text/css; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_A_YEAR = "public, max-age=31536000, immutable"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    packed: bytes
    digest: str


@router.get("/static/{digest}/{name}")
def asset(request: Request, digest: str, name: str) -> Response:
    """One of the files, to be kept for a year; nothing secret is in any of them."""
    if name not in _KINDS:
        raise HTTPException(404)
    found, headers = _asset(name), {"Cache-Control": _A_YEAR, "Vary": "Accept-Encoding"}
    if digest != found.digest:
        headers["Cache-Control"] = "no-cache"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, {**headers, "Content-Encoding": "gzip"}, _KINDS[name])
    return Response(found.content, 200, headers, _KINDS[name])


def address(name: str) -> str:
    """Where a file is served."""
    return f"/static/{_asset(name).digest}/{name}"


@cache
def _asset(name: str) -> _Asset:
    content = (files("reconciler.web.dashboard") / "static" / name).read_bytes()
    return _Asset(content, gzip.compress(content, 9, mtime=0), hashlib.sha256(content).hexdigest()[:12])
