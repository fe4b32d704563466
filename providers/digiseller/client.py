"""DigiSeller's API as calls: the log-in, the token that every URL carries, and what its refusals mean."""

import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from providers.digiseller.fields import whole
from reconciler.errors import BadRecord, NeedsOperator, Retryable
from reconciler.http import Answer, Http, Pace, scrub
from reconciler.settings import DigiSellerSettings
from reconciler.text import storable

TOKEN_LIFE_S = 110 * 60
LOGIN_TRIES = 5
LOGIN_WAIT_S = 1.1
REUSED_TIMESTAMP = -4
MAX_WAIT_S = 60.0
MAX_TEXT_CHARS = 200
REMEMBERED_TOKENS = 20
_RIGHTS = {
    "seller-sells": "Statistics",
    "purchase": "Operations",
    "sellers/account": "Operations",
    "debates": "Correspondence with buyers",
}
_NO_RIGHT = re.compile(
    r"permission|forbidden|denied|not allowed|нет прав|недостаточно прав|нет доступа|доступ (?:запрещ|закрыт)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\btoken\b|токен", re.IGNORECASE)


class _TokenRefused(Exception):
    """The token is not accepted (any more); never leaves this module."""


class Client:
    """One log-in to DigiSeller, shared by every feed: a second process might end this one's token (fact sheet A2)."""

    def __init__(
        self,
        settings: DigiSellerSettings,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is the wall clock (for the log-in's timestamp), `clock` the monotonic one (for the token's age)."""
        self._settings, self._now, self._sleep, self._clock = settings, now, sleep, clock
        self._http = Http(settings.base_url, _paces(settings), sleep=sleep, now=now)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._tokens: deque[str] = deque(maxlen=REMEMBERED_TOKENS)  # kept only to be struck out of messages
        self._token_until = 0.0
        self._last_stamp = 0

    @property
    def ahead_s(self) -> float | None:
        """How many seconds this machine's clock is ahead of DigiSeller's; None when its answers do not tell."""
        return self._http.ahead_s

    def close(self) -> None:
        """Give connections back."""
        self._http.close()

    def log_in(self) -> None:
        """Take a new token; raises NeedsOperator when the key is refused, Retryable when DigiSeller cannot be asked."""
        with self._lock:
            self._token = self._new_token()
            self._token_until = self._clock() + TOKEN_LIFE_S

    def call(
        self,
        method: str,
        path: str,
        *,
        pace: str = "default",
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        read: Callable[[dict[str, Any]], Any] = dict,
    ) -> Any:
        """Ask for a list and return `read(object)`; a `retval` other than 0 and a Retryable of `read` are tried again.

        Raises NeedsOperator when the key lacks the right, Retryable when the tries are used up.
        """
        return self._with_token(
            path,
            lambda token: self._http.call(
                method,
                path,
                pace=pace,
                params={"token": token, **(params or {})},
                body=body,
                read=lambda answer: read(self._accepted(path, answer)),
            ),
        )

    def look(
        self, path: str, read: Callable[[int, dict[str, Any]], Any], params: Mapping[str, Any] | None = None
    ) -> Any:
        """Look up one thing: `read(status, object)` judges a whole JSON answer of 200, 400 or 404 with any `retval`.

        A Retryable of `read` is tried again. Raises NeedsOperator when the key lacks the right (HTTP 403), Retryable
        for pages, cut bodies and other statuses.
        """
        return self._with_token(
            path,
            lambda token: self._http.call(
                "GET",
                path,
                params={"token": token, **(params or {})},
                read=lambda answer: read(*self._seen(path, answer)),
            ),
        )

    def text(self, answer: Mapping[str, Any]) -> str:
        """What an answer says in words (`desc`, `endesc`, `retdesc`, `errors`; mostly Russian), without secrets."""
        errors = answer.get("errors")
        listed = [part.get("message") for part in errors if isinstance(part, dict)] if isinstance(errors, list) else []
        said = [answer.get(name) for name in ("desc", "endesc", "retdesc", "Message")] + listed
        words = " / ".join(dict.fromkeys(str(part).strip() for part in said if part))
        for secret in (*self._tokens, self._settings.api_key.get_secret_value()):
            words = words.replace(secret, "***") if secret else words
        return " ".join(str(storable(scrub(words))).split())[:MAX_TEXT_CHARS]

    def _with_token(self, path: str, ask: Callable[[str], Any]) -> Any:
        token = self._valid_token()
        try:
            return ask(token)
        except _TokenRefused:
            self._drop(token)
        try:
            return ask(self._valid_token())
        except _TokenRefused as refusal:
            raise NeedsOperator(_no_right(path, f"after a fresh log-in too: {refusal}")) from None

    def _valid_token(self) -> str:
        with self._lock:
            if self._token is None or self._clock() >= self._token_until:
                self._token = self._new_token()
                self._token_until = self._clock() + TOKEN_LIFE_S
            return self._token

    def _drop(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = None

    def _new_token(self) -> str:
        for _ in range(LOGIN_TRIES):
            answer = self._http.call("POST", "apilogin", body=self._credentials(), read=self._login_answer)
            code, text = verdict(answer), self.text(answer)
            if code == 0 and isinstance(answer.get("token"), str) and answer["token"]:
                self._tokens.append(answer["token"])
                return self._tokens[-1]
            if code == 0:
                raise Retryable("DigiSeller's log-in was accepted but brought no token")
            if code != REUSED_TIMESTAMP or "timestamp" not in text.lower():
                raise NeedsOperator(_refused(f"retval {code}: {text}"))
            self._sleep(LOGIN_WAIT_S)
        raise Retryable("DigiSeller keeps calling the log-in's timestamp used: does another program log in as well?")

    def _credentials(self) -> dict[str, Any]:
        """The signed log-in: sha256 of key and timestamp; each timestamp is used once (fact sheet A2)."""
        stamp = max(int(self._now().timestamp()), self._last_stamp + 1)
        self._last_stamp = stamp
        signed = f"{self._settings.api_key.get_secret_value()}{stamp}"
        sign = hashlib.sha256(signed.encode()).hexdigest()
        return {"seller_id": self._settings.seller_id, "timestamp": stamp, "sign": sign}

    def _login_answer(self, answer: Answer) -> dict[str, Any]:
        if answer.status in (401, 403):
            raise NeedsOperator(_refused(f"HTTP {answer.status}"))
        body = _object("apilogin", answer)
        if answer.status == 200 and verdict(body) is None:
            raise Retryable("DigiSeller answered apilogin without a verdict")
        return body

    def _seen(self, path: str, answer: Answer) -> tuple[int, dict[str, Any]]:
        if answer.status == 401:
            raise _TokenRefused("HTTP 401")
        if answer.status == 403:
            raise NeedsOperator(_no_right(path, "HTTP 403"))
        body = _object(path, answer)
        text = self.text(body)
        if answer.status not in (200, 400, 404):
            raise Retryable(f"DigiSeller answered {path} with {answer.status} {text}".strip())
        if (answer.status != 200 or verdict(body)) and _TOKEN.search(text):
            raise _TokenRefused(text)
        return answer.status, body

    def _accepted(self, path: str, answer: Answer) -> dict[str, Any]:
        status, body = self._seen(path, answer)
        if status == 200 and not verdict(body):
            return body
        text = self.text(body)
        if _NO_RIGHT.search(text):
            raise NeedsOperator(_no_right(path, text))
        raise Retryable(f"DigiSeller answered {path} with {status}, retval {body.get('retval')}: {text}")


def verdict(answer: Mapping[str, Any]) -> int | None:
    """The answer's own `retval`, a number or a text; 0 is success, None is an answer without one (fact sheet A1).

    Raises Retryable when it is unreadable.
    """
    if "retval" not in answer:
        return None
    try:
        return whole(answer["retval"], "retval")
    except BadRecord as error:
        raise Retryable(f"DigiSeller's answer has no readable verdict ({error})") from None


def _object(path: str, answer: Answer) -> dict[str, Any]:
    """The answer as a JSON object. The body is never quoted: it may begin with a token."""
    try:
        body = answer.json()
    except Retryable:
        page = answer.body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
        kind = "a page instead of data (maintenance?)" if page else "no complete JSON"
        raise Retryable(f"DigiSeller answered {path} with {answer.status} and {kind}") from None
    if not isinstance(body, dict):
        raise Retryable(f"DigiSeller answered {path} with a {type(body).__name__} instead of an object")
    return body


def _paces(settings: DigiSellerSettings) -> dict[str, Pace]:
    period_s = min(60.0 / settings.sells_per_minute, MAX_WAIT_S)
    sells = Pace(settings.sells_per_minute, 60.0, tries=6, first_wait_s=period_s, max_wait_s=MAX_WAIT_S)
    return {"default": Pace(settings.requests_per_second, 1.0), "sells": sells}


def _refused(why: str) -> str:
    return f"DigiSeller refuses the API key ({why}): check [providers.digiseller] seller_id and api_key, and the clock"


def _no_right(path: str, why: str) -> str:
    right = next((name for start, name in _RIGHTS.items() if path.startswith(start)), "?")
    return f"DigiSeller refuses {path} ({why}): give the API key the right {right!r} in the seller's cabinet"
