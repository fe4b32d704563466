"""Puts the web server's parts together. The dashboard's `/` and `/api/v1` have their place beside them."""

from collections.abc import Callable, Iterable
from datetime import datetime

import sqlalchemy as sa
from fastapi import FastAPI

import reconciler
from reconciler.web import health, metrics, webhooks
from reconciler.web.desk import Desk
from reconciler.webhooks import Door

OPENAPI = "/api/v1/openapi.json"


def build_app(
    engine: sa.Engine, doors: Iterable[Door], desk: Desk, checks: health.Checks, now: Callable[[], datetime]
) -> FastAPI:
    """The application. Its own pages of documentation stay off: they would load from a CDN."""
    app = FastAPI(
        title="Reconciler", version=reconciler.__version__, openapi_url=OPENAPI, docs_url=None, redoc_url=None
    )
    counts = metrics.Counts()
    app.include_router(webhooks.router(doors, desk, counts, now))
    app.include_router(health.router(checks))
    app.include_router(metrics.router(engine, counts, now))
    return app
