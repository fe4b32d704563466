"""Reads a request as raw bytes, within limits: size while it streams, time, no compression."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from reconciler.webhooks import Delivery

MAX_BYTES = 256 * 1024
MAX_QUERY_BYTES = 16 * 1024
DEADLINE_S = 5.0
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Refused(Exception):
    """A request that is not read to its end; `status` is the answer."""

    def __init__(self, status: int, outcome: str) -> None:
        """`outcome` names it in the metrics and in the answer."""
        super().__init__(outcome)
        self.status, self.outcome = status, outcome


def head_of(scope: MutableMapping[str, Any]) -> Delivery:
    """What is known of a delivery before its body is read."""
    return Delivery(scope["method"], scope["query_string"], tuple(scope["headers"]), b"")


async def delivery_of(scope: MutableMapping[str, Any], receive: Receive) -> Delivery:
    """The request as a delivery; raises Refused: 413 too large, 415 compressed, 408 too slow, 400 broken off."""
    delivery = head_of(scope)
    if any(value.strip().lower() not in {b"", b"identity"} for value in delivery.header(b"content-encoding")):
        raise Refused(415, "compressed")
    said = [value for value in delivery.header(b"content-length") if value.isdigit()]
    if any(int(value[:20]) > MAX_BYTES for value in said) or len(delivery.query) > MAX_QUERY_BYTES:
        raise Refused(413, "too_large")
    try:
        async with asyncio.timeout(DEADLINE_S):
            body = await _bounded(receive)
    except TimeoutError:
        raise Refused(408, "too_slow") from None
    return Delivery(delivery.method, delivery.query, delivery.headers, body)


async def _bounded(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "broken_off")
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BYTES:
            raise Refused(413, "too_large")
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)
