"""The one HTTP client: paced, retried where that is harmless, bounded in size and time, and silent about secrets."""

import contextlib
import email.utils
import functools
import logging
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import tenacity
from pyrate_limiter import Limiter, Rate

from reconciler.errors import Retryable
from reconciler.strict_json import parse_json

MAX_BODY_BYTES = 8 * 1024 * 1024
_SECRETS = re.compile(r"((?:token|sign|sha256|key|uid|uniquecode)=)[^&\s'\"]+", re.IGNORECASE)
_BOT = re.compile(r"(/bot)[0-9]+:[0-9A-Za-z_-]+")

for _name in ("httpx", "httpcore", "pyrate_limiter"):  # full URLs, where one provider wants its token, and chatter
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how stubbornly one kind of call is made. Waits grow from `first_wait_s` to `max_wait_s`."""

    calls: int
    period_s: float
    tries: int = 4
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer: status, lower-case headers and body bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as strict JSON with exact numbers; raises Retryable when it is cut short or is no JSON."""
        return parse_json(self.body)


class _Busy(Retryable):
    def __init__(self, message: str, wait_s: float | None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass
class Http:
    """A client for one host. `paces` names the kinds of call; `sleep` and `transport` can be replaced in tests."""

    base_url: str
    paces: Mapping[str, Pace]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # a key may be among them
    timeout_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    transport: httpx.BaseTransport | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ahead_s: float | None = field(default=None, init=False)
    """How far this machine's clock is ahead of the host's, by the Date header of its last answer that had one."""

    def __post_init__(self) -> None:
        """Open the connection pool and one limiter for each kind of call."""
        self._client = httpx.Client(
            base_url=self.base_url,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", **self.headers},
            timeout=self.timeout_s,
            transport=self.transport,
            verify=_trusted(),
        )
        self._limiters = {
            name: Limiter(Rate(pace.calls, int(pace.period_s * 1000))) for name, pace in self.paces.items()
        }

    def close(self) -> None:
        """Close the pool and the limiters."""
        self._client.close()
        for limiter in self._limiters.values():
            limiter.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        pace: str = "default",
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        read: Callable[[Answer], Any] | None = None,
    ) -> Any:
        """Make an idempotent call and return `read(answer)` (the answer itself without `read`).

        Transport faults, 429, 5xx and any Retryable that `read` raises are tried again at this pace, obeying
        Retry-After. Raises Retryable when the tries are used up; whatever else `read` raises goes through.
        """
        rule = self.paces[pace]
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(rule.tries),
            wait=lambda state: _wait_s(state, rule),
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(self._once, method, path, pace, params, body, read or (lambda answer: answer))

    def _once(
        self,
        method: str,
        path: str,
        pace: str,
        params: Mapping[str, Any] | None,
        body: Any,
        read: Callable[[Answer], Any],
    ) -> Any:
        self._limiters[pace].try_acquire(pace)
        deadline = time.monotonic() + self.timeout_s * 2
        try:
            with self._client.stream(method, path, params=params, json=body) as response:
                self._note_clock(response.headers.get("date", ""))
                answer = Answer(response.status_code, dict(response.headers), _bounded(response, deadline))
        except httpx.HTTPError as error:
            raise Retryable(f"{method} {self._where(path)}: {scrub(str(error)) or type(error).__name__}") from None
        if answer.status == 429 or answer.status >= 500:
            raise _Busy(f"{method} {self._where(path)} answered {answer.status}", retry_after_s(answer.headers))
        return read(answer)

    def _note_clock(self, date: str) -> None:
        there = parse_date(date)
        if there is not None:
            self.ahead_s = (self.now() - there).total_seconds()

    def _where(self, path: str) -> str:
        return scrub(self.base_url.rstrip("/") + "/" + path.lstrip("/"))


def post_once(
    url: str, body: bytes, headers: Mapping[str, str], *, begin_by_s: float, end_by_s: float, want_body: bool = False
) -> Answer:
    """Post once, to exactly this address: no redirect, no proxy, no second try. The answer has no body unless wanted.

    The two moments are of the monotonic clock: past the first nothing is sent any more, at the second the connection
    is cut, whatever the other side still trickles. Raises Retryable when no answer came, so that nobody knows whether
    the other side acted.
    """
    cut, timeout_s = _Cut(begin_by_s, end_by_s), max(0.1, end_by_s - time.monotonic())
    alone = httpx.Limits(max_keepalive_connections=0)
    try:
        with (
            cut,
            httpx.Client(verify=_trusted(), trust_env=False, timeout=timeout_s, limits=alone) as client,
            client.stream("POST", url, content=body, headers=headers, extensions={"trace": cut.watch}) as response,
        ):
            said = _bounded(response, end_by_s) if want_body else b""
            return Answer(response.status_code, dict(response.headers), said)
    except httpx.HTTPError as error:
        raise Retryable(f"no answer ({type(error).__name__})") from None


def multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """A form with files (name and content by field) as a body and its content type."""
    request = httpx.Request("POST", "http://form/", data=dict(fields), files=dict(files))
    return request.read(), request.headers["content-type"]


class _Cut:
    """Watches an exchange and ends it at a fixed moment: a client's own time-outs begin anew with every byte."""

    def __init__(self, begin_by_s: float, end_by_s: float) -> None:
        self._begin_by_s = begin_by_s
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(0.0, end_by_s - time.monotonic()), self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
        elif event.endswith("send_request_headers.started") and time.monotonic() > self._begin_by_s:
            raise Retryable("not sent: this process was held up for too long")

    def _end(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the other side may have been first
                self._socket.shutdown(socket.SHUT_RDWR)


def scrub(text: str) -> str:
    """The text without tokens, signatures and codes that stand in URLs."""
    return _BOT.sub(r"\1***", _SECRETS.sub(r"\1***", text))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that a Retry-After header asks for, in seconds, whether it is a number or a date."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if (when := parse_date(value)) is not None else None


def parse_date(value: str) -> datetime | None:
    """The aware time of an HTTP date, None when it is none."""
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return when.replace(tzinfo=when.tzinfo or UTC)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The trusted authorities, read once: it takes a tenth of a second."""
    return httpx.create_ssl_context()


def _wait_s(state: tenacity.RetryCallState, rule: Pace) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_s if isinstance(error, _Busy) else None
    grown = rule.first_wait_s * 2.0 ** (state.attempt_number - 1)
    return min(asked if asked is not None else grown, rule.max_wait_s)


def _bounded(response: httpx.Response, deadline: float) -> bytes:
    """The body, inflated here bit by bit: a few kilobytes may swell to any size, and httpx would let them."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise Retryable(f"the answer is encoded as {encoding[:20]!r}, which nobody asked for")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if "gzip" in encoding else None
    parts, size = [], 0
    for part in response.iter_raw():
        part = _inflated(inflate, part, MAX_BODY_BYTES + 1 - size) if inflate else part
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise Retryable(f"the answer is larger than {MAX_BODY_BYTES} bytes")
        if time.monotonic() > deadline:
            raise Retryable("the answer came too slowly")
        parts.append(part)
    if inflate and size and not inflate.eof:
        raise Retryable("the answer was cut short")
    return b"".join(parts)


def _inflated(inflate: Any, part: bytes, room: int) -> bytes:
    try:
        return bytes(inflate.decompress(part, room))
    except zlib.error as error:
        raise Retryable(f"the answer is no complete gzip ({error})") from None
