"""What goes out and what comes in: the outbox with its retry, and the webhooks with their replay."""

import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reconciler.errors import BadRecord
from reconciler.outbox import STATES
from reconciler.store import audit, inbox, outbox
from reconciler.store.engine import read, write
from reconciler.store.inbox_views import document, event_page
from reconciler.store.outbox_views import entry_page, retry_held
from reconciler.web.dashboard.guard import ByOperator, Viewer
from reconciler.web.dashboard.site import Site, page, site_of
from reconciler.webhooks import Delivery, shown_or_note

router = APIRouter(include_in_schema=False)


@router.get("/outbox")
def entries(request: Request, visitor: Viewer, state: str = "", after: str = "", told: str = "") -> Response:
    """Commands and alerts, the newest first."""
    state = state if state in STATES else ""
    with read(site_of(request).engine) as connection:
        rows, following = entry_page(connection, state, after)
        held = sum(one["held"] for one in outbox.lengths(connection).values())
    return page(
        request, "outbox", visitor, rows=rows, next=following, after=after, state=state, held=held,
        query=f"state={state}" if state else "", told=int(told) if told.isdigit() and len(told) < 7 else None,
    )  # fmt: skip


@router.post("/outbox/retry")
def retry(request: Request, change: ByOperator) -> Response:
    """Deliver held entries again: the one that is named, else all."""
    key, site = change.text("key"), site_of(request)
    with write(site.engine) as connection:
        again, _ = retry_held(connection, [key] if key else None, change.visitor.name, site.now())
    return RedirectResponse(f"/outbox?told={len(again)}", 303)


@router.get("/events")
def events(request: Request, visitor: Viewer, after: str = "") -> Response:
    """What the providers pushed, the newest first."""
    with read(site_of(request).engine) as connection:
        rows, following = event_page(connection, after)
    return page(request, "webhooks", visitor, rows=rows, next=following, after=after)


@router.get("/events/{id_}")
def event(request: Request, visitor: Viewer, id_: str, told: str = "") -> Response:
    """One event with its content, less secrets."""
    site = site_of(request)
    with read(site.engine) as connection:
        row = inbox.one(connection, _number(id_))
    if row is None:
        raise BadRecord(f"there is no event {id_}")
    return page(request, "webhook", visitor, event=document(row._mapping), body=_body(site, row), told=bool(told))


@router.post("/events/{id_}/replay")
def replay(request: Request, change: ByOperator, id_: str) -> Response:
    """Have an event worked through again; the daemon takes it up within seconds."""
    site = site_of(request)
    with write(site.engine) as connection:
        if not inbox.again(connection, [_number(id_)], site.now()):
            raise BadRecord(f"there is no event {id_}, or its content was removed by [retention] raw_days")
        audit.record(connection, "webhook.replayed", id_, change.visitor.name, site.now(), {})
    return RedirectResponse(f"/events/{id_}?told=yes", 303)


def _body(site: Site, row: object) -> object:
    provider, method, query, body = (getattr(row, name) for name in ("provider", "method", "query", "body"))
    show = site.deliveries.get(provider)
    if show is None:
        return "the provider is disabled: its deliveries are shown when it is enabled"
    return json.loads(json.dumps(shown_or_note(show, Delivery(method, query, (), body)), default=str))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRecord(f"there is no event {text[:40]!r}")
    return int(text)
