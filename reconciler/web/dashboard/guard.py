"""Who may see and change what: each route names a role, and every change needs our own page's origin and token."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from reconciler.access import Role, may
from reconciler.errors import BadRecord
from reconciler.store import users, web_sessions
from reconciler.store.engine import read, write
from reconciler.store.web_sessions import Visitor
from reconciler.web.dashboard.site import Site, site_of

LARGEST_FORM = 32 * 1024 * 1024
LARGEST_LOGIN = 8 * 1024
LIVE = "live"
"""The element that fetches its page again by itself: such a look keeps no session alive."""


class LoginNeeded(Exception):
    """Nobody is logged in here."""


class Closed(Exception):
    """There are no users, so nobody can come in."""


class Refused(Exception):
    """A request that may not be done; `reason` is the key of the text that says why."""

    def __init__(self, status: int, reason: str) -> None:
        """`status` is the answer."""
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Change:
    """A form that somebody sent who may change things."""

    visitor: Visitor
    form: FormData

    def text(self, name: str, most: int = 2000) -> str:
        """One field's text without space around it, its lines ended plainly; raises BadRecord when it is too long."""
        value = self.form.get(name, "")
        text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
        if len(text) > most:
            raise BadRecord(f"{name} is too long: at most {most:,} characters")
        return text

    def every(self, name: str) -> list[str]:
        """Every value of a field that may be there more than once."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def files(self, name: str) -> list[UploadFile]:
        """The files of a field."""
        return [value for value in self.form.getlist(name) if isinstance(value, UploadFile) and value.filename]


def needs(role: Role) -> Callable[[Request], Visitor]:
    """A dependency: somebody is logged in who may do what `role` may."""

    def check(request: Request) -> Visitor:
        return _allowed(site_of(request), request, role)

    check.role = role  # type: ignore[attr-defined]  # read by the test that holds every route against its role
    return check


def changes(role: Role) -> Callable[..., object]:
    """A dependency: the same, and the form comes from a page of ours."""

    async def check(request: Request, visitor: Annotated[Visitor, Depends(needs(role))]) -> Change:
        check_origin(request)
        check_size(request, LARGEST_FORM)
        form = await request.form(max_files=10, max_fields=1000, max_part_size=64 * 1024)
        given = form.get("csrf") or request.headers.get("x-csrf-token", "")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
            raise Refused(403, "refused.csrf")
        return Change(visitor, form)

    return check


Viewer = Annotated[Visitor, Depends(needs("viewer"))]
Operator = Annotated[Visitor, Depends(needs("operator"))]
Admin = Annotated[Visitor, Depends(needs("admin"))]
ByViewer = Annotated[Change, Depends(changes("viewer"))]
ByOperator = Annotated[Change, Depends(changes("operator"))]


def check_origin(request: Request) -> None:
    """A browser says with every form from whose page it comes. Raises Refused unless it is ours."""
    origin = urlsplit(request.headers.get("origin", ""))
    public = urlsplit(site_of(request).settings.web.public_url)
    ours = {request.headers.get("host", ""), public.netloc} - {""}
    if origin.netloc not in ours or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Refused(403, "refused.origin")


def check_size(request: Request, most: int) -> None:
    """Raises Refused for a body that does not say its length, or is too long."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise Refused(411, "refused.length")
    if int(length[:20]) > most:
        raise Refused(413, "refused.large")


def _allowed(site: Site, request: Request, role: Role) -> Visitor:
    id_, now = request.cookies.get(site.cookie, ""), site.now()
    with read(site.engine) as connection:
        visitor = web_sessions.find(connection, id_, now) if id_ else None
        if visitor is None:
            raise LoginNeeded if users.any_user(connection) else Closed
    if not may(visitor.role, role):
        raise Refused(403, "refused.role")
    if now - visitor.seen_at >= web_sessions.TOUCH and request.headers.get("hx-trigger") != LIVE:
        with write(site.engine, alone=False) as connection:
            web_sessions.touch(connection, id_, now)
    return visitor
