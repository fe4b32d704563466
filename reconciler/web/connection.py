"""One connection of the web server, which has to say what it wants in time: uvicorn itself would wait for ever."""

import asyncio
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
"""How long the head of a request may take, from the connection or from its first byte on."""


class Connection(HttpToolsProtocol):
    """uvicorn's, which also knows since when the head of a request is awaited."""

    awaited_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there, and has not said anything."""
        super().connection_made(transport)
        self.awaited_s = self.loop.time()

    def on_message_begin(self) -> None:
        """The first byte of a request came."""
        super().on_message_begin()
        self.awaited_s = self.loop.time()

    def on_headers_complete(self) -> None:
        """The whole head came; the body has a deadline of its own."""
        self.awaited_s = None
        super().on_headers_complete()


def close_slow(connections: Iterable[object]) -> None:
    """Close those whose request does not begin, or does not get past its head."""
    for one in list(connections):
        if isinstance(one, Connection) and one.awaited_s is not None and one.loop.time() - one.awaited_s > HEAD_S:
            one.transport.close()
