"""Puts the web server's parts together: webhooks, health, metrics, and the dashboard with `/api/v1`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI

import reconciler
from reconciler.web import health, metrics
from reconciler.web.dashboard.doors import install
from reconciler.web.dashboard.site import Site
from reconciler.web.desk import Desk
from reconciler.web.forgers import Forgers
from reconciler.web.front import Front
from reconciler.web.webhooks import Gate, described
from reconciler.webhooks import Door

OPENAPI = "/api/v1/openapi.json"


def build_app(
    engine: sa.Engine,
    doors: Iterable[Door],
    desk: Desk,
    checks: health.Checks,
    now: Callable[[], datetime],
    crowded: Callable[[], bool] = lambda: False,
    site: Site | None = None,
) -> Front:
    """The application, with the dashboard if there is a `site`, which then also guards the OpenAPI document.

    FastAPI's own documentation would load from a CDN.
    """
    doors, counts, forgers = list(doors), metrics.Counts(), Forgers()
    app = _Documented(
        title="Reconciler", version=reconciler.__version__, docs_url=None, redoc_url=None,
        openapi_url=None if site else OPENAPI,
    )  # fmt: skip
    app.beside = described(doors)
    app.include_router(health.router(checks))
    app.include_router(metrics.router(engine, counts, now))
    if site is not None:
        install(app, site)
    return Front(app, {f"/webhooks/{door.name}": Gate(door, desk, counts, forgers, now) for door in doors}, crowded)


class _Documented(FastAPI):
    """An application whose document also tells of what stands before it."""

    beside: dict[str, Any]

    def openapi(self) -> dict[str, Any]:
        """The document."""
        document = super().openapi()
        return document | {"paths": self.beside | document["paths"]}
