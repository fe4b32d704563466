"""`/webhooks/…`: takes deliveries in. Size, signature, commit, 200, in this order; what they mean is seen to later."""

import json
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from reconciler.web.body import Refused, delivery_of
from reconciler.web.desk import Busy, Desk
from reconciler.web.metrics import Counts
from reconciler.webhooks import Arrival, Door, Forged, NotJson

RETRY_AFTER_S = 2
_STATUSES = {
    200: "stored",
    400: "signed, and no JSON",
    401: "not signed by the provider",
    408: "too slow",
    413: "too large",
    415: "compressed",
    503: "not stored: come again after Retry-After seconds",
}


class _Raw(APIRoute):
    """A route whose endpoint reads the request itself: its bytes are what is signed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint as it is, without what FastAPI would parse for it."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


def router(doors: Iterable[Door], desk: Desk, counts: Counts, now: Callable[[], datetime]) -> APIRouter:
    """One address for each provider."""
    routes = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=_Raw)
    for door in doors:
        for method in door.methods:
            routes.add_api_route(
                f"/{door.name}",
                _endpoint(door, desk, counts, now),
                methods=[method],
                operation_id=f"{door.name}_webhook_{method.lower()}",
                summary=f"A delivery of {door.name}",
                responses={status: {"description": text} for status, text in _STATUSES.items()},
                openapi_extra=dict(door.described),
            )
    return routes


def _endpoint(door: Door, desk: Desk, counts: Counts, now: Callable[[], datetime]) -> Callable[[Request], Any]:
    async def receive(request: Request) -> Response:
        """Taken in with 200 only after it is committed."""
        try:
            if desk.full:
                raise Busy
            delivery = await delivery_of(request.scope, request.receive)
            event = door.accept(delivery)
            await desk.put(Arrival(event, delivery, now()))
        except Refused as refusal:
            return _said(door, counts, refusal.status, refusal.outcome, {"Connection": "close"})
        except Forged:
            return _said(door, counts, 401, "bad_signature")
        except NotJson:
            return _said(door, counts, 400, "not_json")
        except Busy:
            return _said(door, counts, 503, "busy", {"Retry-After": str(RETRY_AFTER_S)})
        return _said(door, counts, 200, "old_key" if event.old_key else "stored")

    return receive


def _said(door: Door, counts: Counts, status: int, outcome: str, headers: dict[str, str] | None = None) -> Response:
    """Every refusal of a kind looks the same, whatever was wrong: the answer is no help to guess by."""
    counts.add(door.name, outcome)
    body = {"status": "ok"} if status == 200 else {"error": outcome}
    return Response(json.dumps(body), status, headers, "application/json")
