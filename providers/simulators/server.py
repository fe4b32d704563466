"""A small HTTP server on loopback that the simulated providers are built on, with faults that can be switched on."""

import json
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

Reply = tuple[int, Mapping[str, str], bytes]
FaultKind = Literal["status", "retry_after", "html", "cut", "reset", "hang", "bom", "not_json", "late", "lost"]
MAX_REQUEST_BYTES = 1024 * 1024
_HTML = b"<html><head><title>UPDATING</title></head><body>Unscheduled maintenance work</body></html>"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in; header names are lower-case, `at_s` is monotonic."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at_s: float


@dataclass(slots=True)
class Fault:
    """What goes wrong on paths that begin with `prefix`: `skip` calls pass first, then `times` of them fail."""

    prefix: str
    kind: FaultKind
    times: int
    skip: int = 0
    status: int = 500
    body: Any = None
    seconds: float = 1.0


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON answer with the content type that every client expects."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body


class SimulatedServer(ABC):
    """A server on 127.0.0.1 and a free port. Subclasses answer in `handle`, which runs under `lock`.

    `calls` is the log of requests in order of arrival, `under_way` are those not yet answered. Use as a context
    manager, or with `start` and `stop`.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take a port at once, so that `url` is known; nothing is answered before `start`. `now` is its wall clock."""
        self.now = now
        self.lock = threading.RLock()
        self.calls: list[Call] = []
        self.under_way: list[Call] = []
        self._faults: list[Fault] = []
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._server = _server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @abstractmethod
    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request with (status, headers, body); its headers are in `self.calls[-1].headers`."""

    @property
    def url(self) -> str:
        """Where the server listens, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering, end hanging calls and close connections that are kept alive."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        with self.lock:
            for connection in tuple(self._open):
                _shut(connection)

    def __enter__(self) -> Self:
        """Start for the length of a `with` block."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at its end."""
        self.stop()

    def fault(
        self,
        prefix: str,
        kind: FaultKind,
        times: int = 1,
        *,
        skip: int = 0,
        status: int | None = None,
        body: Any = None,
        seconds: float = 1.0,
    ) -> None:
        """Let the next `times` calls to paths that begin with `prefix` go wrong, after `skip` good ones.

        `status`: that code (500) with `body` as JSON. `retry_after`: 429 (or `status`) asking for `seconds`. `html`: a
        maintenance page under 503 (or `status`). `cut`: the true answer's length, half its bytes, then the end.
        `reset`: the connection is torn down. `hang`: nothing for `seconds`, then a torn connection. `bom`: the true
        answer behind a UTF-8 BOM. `not_json`: 200 with XML that calls itself JSON. `late`: the true answer after
        `seconds`. `lost`: it is acted upon, and then the connection is torn down without an answer.
        """
        default = {"status": 500, "retry_after": 429, "html": 503}.get(kind, 200)
        with self.lock:
            self._faults.append(Fault(prefix, kind, times, skip, status or default, body, seconds))

    def clear_faults(self) -> None:
        """Switch every fault off."""
        with self.lock:
            self._faults.clear()

    def called(self, prefix: str) -> list[Call]:
        """The logged calls to paths that begin with `prefix`."""
        with self.lock:
            return [call for call in self.calls if call.path.startswith(prefix)]

    def _take_fault(self, path: str) -> Fault | None:
        for fault in self._faults:
            if not path.startswith(fault.prefix) or fault.times <= 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            return fault
        return None

    def _done(self, call: Call) -> None:
        with self.lock:
            self.under_way.remove(call)

    def _respond(self, call: Call) -> tuple[Reply, Fault | None]:
        with self.lock:
            self.calls.append(call)
            self.under_way.append(call)
            fault = self._take_fault(call.path)
            if fault and fault.kind in ("status", "retry_after", "html", "not_json"):
                return _fault_reply(fault), None
            if fault and fault.kind in ("reset", "hang"):
                return (200, {}, b""), fault
            return self.handle(call.method, call.path, call.query, call.body), fault


def _fault_reply(fault: Fault) -> Reply:
    if fault.kind == "html":
        return fault.status, {"Content-Type": "text/html; charset=utf-8"}, _HTML
    if fault.kind == "not_json":
        return fault.status, {"Content-Type": "application/json"}, b'<?xml version="1.0"?><answer/>'
    body = {"Message": "Simulated fault"} if fault.body is None else fault.body
    headers = {"Retry-After": f"{fault.seconds:g}"} if fault.kind == "retry_after" else {}
    return json_reply(body, fault.status, headers)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the client was first
        return


def _server(owner: SimulatedServer) -> ThreadingHTTPServer:
    class Bound(_Handler):
        simulator = owner

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the simulator, writes what it says or breaks off as a fault wants."""

    simulator: SimulatedServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.simulator.lock:
            self.simulator._open.add(self.connection)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # a client may leave at any moment
            self.close_connection = True

    def finish(self) -> None:
        with self.simulator.lock:
            self.simulator._open.discard(self.connection)
        try:
            super().finish()
        except (OSError, ValueError):  # already torn down
            return

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by the simulator's own clock."""
        return super().date_time_string(self.simulator.now().timestamp() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on stderr."""

    def _answer(self) -> None:
        size = min(int(self.headers.get("Content-Length") or 0), MAX_REQUEST_BYTES)
        parts = urlsplit(self.path)
        call = Call(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(size),
            time.monotonic(),
        )
        reply, fault = self.simulator._respond(call)
        try:
            self._write(reply, fault)
        finally:
            self.simulator._done(call)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

    def _write(self, reply: Reply, fault: Fault | None) -> None:
        status, headers, body = reply
        kind = fault.kind if fault else None
        if fault and kind in ("reset", "hang", "lost"):
            self._tear(fault.seconds if kind == "hang" else 0.0)
            return
        if fault and kind == "late":
            self.simulator._stopping.wait(fault.seconds)
        if kind == "bom":
            body = b"\xef\xbb\xbf" + body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)
        self.close_connection = self.close_connection or kind == "cut"

    def _tear(self, wait_s: float) -> None:
        self.simulator._stopping.wait(wait_s)
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()
