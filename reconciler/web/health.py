"""`/healthz` and `/readyz`: whether the process is there, and whether it can do its work."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from reconciler.store.engine import read
from reconciler.store.facts import feed_rows

Checks = Mapping[str, Callable[[], str | None]]
"""By name: a look that returns None when all is well, else what is wrong."""


def router(checks: Checks) -> APIRouter:
    """Both routes; `/readyz` answers 503 while any of the checks says that something is wrong."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @routes.get("/readyz", responses={503: {"description": "not ready; each check says why"}})
    def readyz() -> Any:
        """Database, scheduler and feeds, each `ok` or what is wrong with it."""
        found = {name: check() for name, check in checks.items()}
        body = {"ready": not any(found.values()), **{name: wrong or "ok" for name, wrong in found.items()}}
        return JSONResponse(body, 200 if body["ready"] else 503)

    return routes


def database(engine: sa.Engine) -> str | None:
    """Whether the database answers."""
    try:
        with read(engine) as connection:
            connection.execute(sa.select(1))
    except sa.exc.SQLAlchemyError:
        return "does not answer"
    return None


def feeds(engine: sa.Engine, names: Iterable[str], oldest: timedelta, now: datetime) -> str | None:
    """Whether every named feed was read to its end lately."""
    try:
        with read(engine) as connection:
            rows = feed_rows(connection)
    except sa.exc.SQLAlchemyError:
        return "unknown: the database does not answer"
    stale = [name for name in names if not _fresh(rows.get(name), oldest, now)]
    return f"not read lately: {', '.join(stale)}" if stale else None


def _fresh(row: Any, oldest: timedelta, now: datetime) -> bool:
    return row is not None and row.last_success_at is not None and now - row.last_success_at <= oldest
