"""The first page: does it add up, what is at stake, what needs a decision by when, and are the feeds well."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from reconciler.report.document import in_a_sentence, severities
from reconciler.report.lines import identity, ledgers
from reconciler.report.period import Period
from reconciler.store import days, runs, status
from reconciler.store.engine import read
from reconciler.store.filters import Wanted
from reconciler.store.listing import case_page
from reconciler.web.dashboard.guard import Viewer
from reconciler.web.dashboard.site import Site, page, site_of, voice_of
from reconciler.words.voice import Voice

URGENT = 10
KINDS_SHOWN = 5
HEIGHT = 76
router = APIRouter(include_in_schema=False)
Shown = dict[str, Any]


@router.get("/")
def today(request: Request, visitor: Viewer) -> Response:
    """How things stand now."""
    site, now, voice = site_of(request), site_of(request).now(), voice_of(request)
    with read(site.engine) as connection:
        run = runs.last_run(connection)
        state = status.overview(connection, now)
        urgent, _ = case_page(connection, Wanted(status="open"), now, size=URGENT)
        charts = _charts(connection, site, run, now)
    statement = run["statement"] if run else None
    waiting = state["queues"]["outbox"].values()
    return page(
        request, "today", visitor, run=run, state=state, urgent=urgent, days=charts,
        sentence=_sentence(statement, voice) if statement else None,
        stake=statement["at_stake"] if statement else None,
        statement=[_books(books, voice) for books in statement["providers"]] if statement else [],
        ratios=_ratios(statement["chargeback_ratio"]) if statement else [],
        todo=sum(one["todo"] for one in waiting), held=sum(one["held"] for one in waiting),
    )  # fmt: skip


def _sentence(statement: Mapping[str, Any], voice: Voice) -> str:
    return in_a_sentence(voice, statement["verdict"], severities(statement), statement["providers"])


def _books(books: Mapping[str, Any], voice: Voice) -> Shown:
    found = ledgers(books, voice)
    return {**books, "identity": identity(books, voice), "ledgers": [(one.name, one.lines) for one in found]}


def _ratios(rows: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """Those of the newest month, with the end of each scale: the limit always stands inside."""
    newest = max((row["month"] for row in rows), default="")
    return [
        {**row, "scale": max(Decimal(row["limit_percent"]), Decimal(row["percent"] or 0)) * Decimal("1.25")}
        for row in rows
        if row["month"] == newest
    ]


def _charts(connection: sa.Connection, site: Site, run: Shown | None, now: datetime) -> list[Shown]:
    """The charts change with a run, and with the day: between them they are not counted again."""
    shown = days.last_days(now, site.zone)
    key = (run["id"] if run else None, shown[-1].name)
    charts: list[Shown] = site.kept("charts", key, lambda: list(_drawn(connection, shown)))
    return charts


def _drawn(connection: sa.Connection, shown: Sequence[Period]) -> Iterator[Shown]:
    """Drawn on the server; the page's own colours make them readable in light and dark."""
    names = [day.name for day in shown]
    yield chart("chart.charges", "", names, days.charges(connection, shown), "info")
    for kind, counts in list(days.opened(connection, shown).items())[:KINDS_SHOWN]:
        yield chart("chart.findings", kind, names, counts, "warning")


def chart(title: str, name: str, names: Sequence[str], counts: Sequence[int], tone: str) -> Shown:
    """A bar for each day, the largest as high as the picture."""
    most = max(counts, default=0)
    bars = [
        {"day": day, "count": count, "height": round(HEIGHT * count / most, 1) if most else 0}
        for day, count in zip(names, counts, strict=True)
    ]
    return {"title": title, "name": name, "bars": bars, "total": sum(counts), "most": most, "tone": tone}
