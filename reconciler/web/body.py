"""Reads a request as raw bytes, within limits: size while it streams, time, no compression."""

import asyncio

from fastapi import Request

from reconciler.webhooks import Delivery

MAX_BYTES = 256 * 1024
MAX_QUERY_BYTES = 16 * 1024
DEADLINE_S = 5.0


class Refused(Exception):
    """A request that is not read to its end; `status` is the answer."""

    def __init__(self, status: int, outcome: str) -> None:
        """`outcome` names it in the metrics and in the answer."""
        super().__init__(outcome)
        self.status, self.outcome = status, outcome


async def delivery_of(request: Request) -> Delivery:
    """The request as a delivery; raises Refused: 413 too large, 415 compressed, 408 too slow."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Refused(415, "compressed")
    said = request.headers.get("content-length", "")
    query: bytes = request.scope["query_string"]
    if (said.isascii() and said.isdigit() and int(said[:20]) > MAX_BYTES) or len(query) > MAX_QUERY_BYTES:
        raise Refused(413, "too_large")
    try:
        async with asyncio.timeout(DEADLINE_S):
            body = await _bounded(request)
    except TimeoutError:
        raise Refused(408, "too_slow") from None
    return Delivery(request.method, query, tuple(request.scope["headers"]), body)


async def _bounded(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise Refused(413, "too_large")
        parts.append(part)
    return b"".join(parts)
