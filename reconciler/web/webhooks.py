"""`/webhooks/…`: takes deliveries in. Size, signature, commit, 200, in this order; what they mean is seen to later."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

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


def router(doors: Iterable[Door], desk: Desk, counts: Counts, now: Callable[[], datetime]) -> APIRouter:
    """One address for each provider."""
    routes = APIRouter(prefix="/webhooks", tags=["webhooks"])
    for door in doors:
        for method in door.methods:
            routes.add_api_route(
                f"/{door.name}",
                _endpoint(door, desk, counts, now),
                methods=[method],
                operation_id=f"{door.name}_webhook_{method.lower()}",
                responses={status: {"description": text} for status, text in _STATUSES.items()},
                openapi_extra=dict(door.described),
                response_class=JSONResponse,
            )
    return routes


def _endpoint(door: Door, desk: Desk, counts: Counts, now: Callable[[], datetime]) -> Callable[[Request], Any]:
    async def receive(request: Request) -> JSONResponse:
        """Take a delivery in: 200 only after it is committed."""
        try:
            if desk.full:
                raise Busy
            delivery = await delivery_of(request)
            event = door.accept(delivery)
            await desk.put(Arrival(event, delivery, now()))
        except Refused as refusal:
            return _said(door, counts, refusal.status, refusal.outcome, {"Connection": "close"})
        except ClientDisconnect:
            return _said(door, counts, 400, "broken_off")
        except Forged:
            return _said(door, counts, 401, "forged")
        except NotJson:
            return _said(door, counts, 400, "not_json")
        except Busy:
            return _said(door, counts, 503, "busy", {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"})
        return _said(door, counts, 200, "old_key" if event.old_key else "stored")

    return receive


def _said(door: Door, counts: Counts, status: int, outcome: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Every refusal of a kind looks the same, whatever was wrong: the answer is no help to guess by."""
    counts.add(door.name, outcome)
    return JSONResponse({"status": "ok"} if status == 200 else {"error": outcome}, status, headers)
