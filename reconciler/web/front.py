"""Stands before the application: webhooks go a short way of their own, and a crowd is asked to come again."""

from collections.abc import Callable, Mapping

from fastapi import FastAPI

from reconciler.web.body import Receive
from reconciler.web.webhooks import CLOSE, RETRY_AFTER, Answer, Gate, Scope, Send, answer

_CROWDED = answer(503, "busy", RETRY_AFTER, CLOSE)


class Front:
    """The whole as one ASGI application; `crowded` says whether there are more connections than can be served."""

    def __init__(self, app: FastAPI, gates: Mapping[str, Gate], crowded: Callable[[], bool]) -> None:
        """`gates` by their paths."""
        self._app, self._gates, self._crowded = app, gates, crowded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a request to whom it is for."""
        gate = self._gates.get(scope.get("path", ""))
        if self._crowded():
            await _say(send, _CROWDED)
        elif gate is None:
            await self._app(scope, receive, send)
        elif scope["method"] in gate.methods:
            await gate(scope, receive, send)
        else:
            allowed = ", ".join(sorted(gate.methods)).encode()
            await _say(send, answer(405, "method", (b"allow", allowed)))


async def _say(send: Send, said: Answer) -> None:
    for message in said:
        await send(message)
