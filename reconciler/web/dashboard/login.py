"""Coming in and going out, and how the dashboard looks to one browser: its language and its theme."""

import re

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from reconciler.store import users, web_sessions
from reconciler.store.engine import read, write
from reconciler.web.dashboard.guard import LARGEST_LOGIN, ByViewer, Closed, check_origin, check_size
from reconciler.web.dashboard.site import THEMES, Site, page, site_of
from reconciler.web.forgers import address_of
from reconciler.words import LANGUAGES

_OURS = re.compile(r"/(?![/\\])[A-Za-z0-9_\-./?=&%+~:,@]*")
_A_YEAR_S = 365 * 24 * 3600
router = APIRouter(include_in_schema=False)


@router.get("/login")
def form(request: Request, next: str = "/") -> Response:
    """The page to log in on."""
    site = site_of(request)
    with read(site.engine) as connection:
        if not users.any_user(connection):
            raise Closed
    return page(request, "login", next=_inside(next), wrong=None, name="")


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Check name and password; a right pair begins a new session."""
    check_origin(request)
    check_size(request, LARGEST_LOGIN)
    sent = await request.form(max_files=0, max_fields=10)
    name, password, after = (str(sent.get(field, "")) for field in ("name", "password", "next"))
    return await run_in_threadpool(_try, request, name.strip(), password, _inside(after))


@router.post("/logout")
def log_out(request: Request, change: ByViewer) -> Response:
    """End the session."""
    site = site_of(request)
    with write(site.engine) as connection:
        web_sessions.end(connection, request.cookies[site.cookie], change.visitor.name, site.now())
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(site.cookie, secure=site.secure, httponly=True, samesite="lax")
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


@router.post("/preferences")
def prefer(request: Request, change: ByViewer) -> Response:
    """Remember language and theme in this browser."""
    answer = RedirectResponse(_inside(change.text("next")), 303)
    for name, known in (("language", LANGUAGES), ("theme", THEMES)):
        if change.text(name) in known:
            secure = site_of(request).secure
            answer.set_cookie(name, change.text(name), _A_YEAR_S, secure=secure, httponly=True, samesite="lax")
    return answer


def _try(request: Request, name: str, password: str, after: str) -> Response:
    site, address = site_of(request), address_of(request.scope) or "-"
    wait_s = site.attempts.wait_s(address, name)
    if wait_s:
        answer: Response = page(request, "login", status=429, next=after, wrong="login.wait", name=name)
        answer.headers["retry-after"] = str(wait_s)
        return answer
    with read(site.engine) as connection:
        known, hashed = users.known(connection, name), users.stored_hash(connection, name)
    with site.attempts.checking:
        too_many = site.attempts.wait_s(address, name) > 0  # of tries that came together the first ones count already
        right = not too_many and users.is_password(hashed, password)
        if known is None or not right:
            site.attempts.failed(address, name)
    if known is None or not right:
        with write(site.engine) as connection:
            web_sessions.refused(connection, known and known[0], site.now(), address=address)
        return page(request, "login", status=401, next=after, wrong="login.wrong", name=name)
    return _begin(request, site, known[0], address, after)


def _begin(request: Request, site: Site, name: str, address: str, after: str) -> Response:
    with write(site.engine) as connection:
        before = request.cookies.get(site.cookie)
        if before and web_sessions.find(connection, before, site.now()):
            web_sessions.end(connection, before, name, site.now())
        id_ = web_sessions.begin(connection, name, site.now(), address=address)
    answer = RedirectResponse(after, 303)
    longest_s = int(web_sessions.LONGEST.total_seconds())
    answer.set_cookie(site.cookie, id_, longest_s, path="/", secure=site.secure, httponly=True, samesite="lax")
    return answer


def _inside(address: str) -> str:
    """The address if it leads to a page of ours, else the first page."""
    return address if _OURS.fullmatch(address) and not address.startswith("/login") else "/"
