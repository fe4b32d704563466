"""`/webhooks/…`: takes deliveries in. Size, signature, commit, 200, in this order; what they mean is seen to later."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from reconciler.web.body import Receive, Refused, delivery_of, head_of
from reconciler.web.desk import Busy, Desk
from reconciler.web.forgers import Forgers
from reconciler.web.metrics import Counts
from reconciler.webhooks import Arrival, Door, Forged, NotJson

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[MutableMapping[str, Any], MutableMapping[str, Any]]

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


def answer(status: int, outcome: str, *headers: tuple[bytes, bytes]) -> Answer:
    """The two messages of an answer. Every refusal of a kind looks the same: it is no help to guess by."""
    body = json.dumps({"status": "ok"} if status == 200 else {"error": outcome}).encode()
    said = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    return (
        {"type": "http.response.start", "status": status, "headers": said},
        {"type": "http.response.body", "body": body},
    )


CLOSE = (b"connection", b"close")
RETRY_AFTER = (b"retry-after", b"%d" % RETRY_AFTER_S)
_STORED = answer(200, "stored")
_FORGED = answer(401, "bad_signature")
_NOT_JSON = answer(400, "not_json")
_LIMITED = answer(401, "bad_signature", CLOSE)
"""The same refusal; but who sends so many has to connect anew for each."""
_BUSY = answer(503, "busy", RETRY_AFTER)


class Gate:
    """The address of one provider, as a plain ASGI application: nothing of a framework stands in a delivery's way."""

    def __init__(self, door: Door, desk: Desk, counts: Counts, forgers: Forgers, now: Callable[[], datetime]) -> None:
        """Deliveries go to the desk; what becomes of them is counted."""
        self.methods = frozenset(door.methods)
        self._door, self._desk, self._counts, self._forgers, self._now = door, desk, counts, forgers, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one delivery in: 200 only after it is committed."""
        outcome, (start, body) = await self._taken_in(scope, receive)
        self._counts.add(self._door.name, outcome)
        await send(start)
        await send(body)

    async def _taken_in(self, scope: Scope, receive: Receive) -> tuple[str, Answer]:
        """What becomes of a delivery, and the answer to it; a crowd is sent away before anything is read."""
        limited = self._forgers.over(scope)
        try:
            if self._desk.full:
                raise Busy
            if limited and not self._door.looks_signed(head_of(scope)):
                raise Forged("it shows before the body is read")
            delivery = await delivery_of(scope, receive)
            event = self._door.accept(delivery)
            await self._desk.put(Arrival(event, delivery, self._now()))
        except Refused as refusal:
            return refusal.outcome, answer(refusal.status, refusal.outcome, CLOSE)
        except Forged:
            self._forgers.add(scope)
            return ("limited", _LIMITED) if limited else ("bad_signature", _FORGED)
        except NotJson:
            return "not_json", _NOT_JSON
        except Busy:
            return "busy", _BUSY
        return "old_key" if event.old_key else "stored", _STORED


def described(doors: Iterable[Door]) -> dict[str, Any]:
    """The addresses in the words of OpenAPI."""
    return {
        f"/webhooks/{door.name}": {method.lower(): _operation(door, method) for method in door.methods}
        for door in doors
    }


def _operation(door: Door, method: str) -> Mapping[str, object]:
    return {
        "tags": ["webhooks"],
        "summary": f"A delivery of {door.name}",
        "operationId": f"{door.name}_webhook_{method.lower()}",
        "responses": {str(status): {"description": text} for status, text in _STATUSES.items()},
        **door.described,
    }
