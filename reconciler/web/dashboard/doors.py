"""Puts the dashboard into the web application: its routes, its headers, and what is said when something is refused."""

from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse

from reconciler.errors import BadRecord, ConfigError
from reconciler.web.api import routes as api
from reconciler.web.api.bearer import Unauthorised
from reconciler.web.dashboard import (
    assets,
    books,
    case,
    cases,
    docs,
    findings,
    login,
    queues,
    reviews,
    today,
    views,
)
from reconciler.web.dashboard.guard import Closed, LoginNeeded, Refused
from reconciler.web.dashboard.headers import Headers
from reconciler.web.dashboard.site import Site, page, say, voice_of

PAGES = (assets, login, today, findings, cases, case, reviews, queues, books, views, docs)


def install(app: FastAPI, site: Site) -> None:
    """Add the dashboard and `/api/v1` to an application."""
    app.state.site = site
    for module in PAGES:
        app.include_router(module.router)
    app.include_router(api.router)
    app.add_middleware(Headers, secure=site.secure)
    app.add_exception_handler(LoginNeeded, _login_needed)
    app.add_exception_handler(Closed, _closed)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(BadRecord, _bad)
    app.add_exception_handler(ConfigError, _bad)
    app.add_exception_handler(Unauthorised, _unauthorised)
    app.add_exception_handler(RequestValidationError, _invalid)


def _login_needed(request: Request, _error: Exception) -> Response:
    if request.method != "GET":
        return _message(request, 401, say(voice_of(request), "refused.login"), back="/login")
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = f"/login?{urlencode({'next': where})}"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _closed(request: Request, _error: Exception) -> Response:
    title, text = (say(voice_of(request), key) for key in ("closed.title", "closed.text"))
    return page(request, "message", status=503, title=title, text=text, command="reconciler user add NAME", back=None)


def _refused(request: Request, error: Exception) -> Response:
    status, reason = (error.status, error.reason) if isinstance(error, Refused) else (403, "refused.role")
    return _message(request, status, say(voice_of(request), reason))


def _bad(request: Request, error: Exception) -> Response:
    if _is_api(request):
        return JSONResponse({"error": str(error)}, 404 if request.method == "GET" and request.path_params else 422)
    return _message(
        request, 404 if request.method == "GET" and request.path_params else 422, voice_of(request).sentence(str(error))
    )


def _invalid(request: Request, error: Exception) -> Response:
    if _is_api(request):
        return JSONResponse({"error": "a parameter has a wrong form"}, 422)
    return _message(request, 422, say(voice_of(request), "refused.form"))


def _unauthorised(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Unauthorised) else 401
    return JSONResponse({"error": str(error)}, status, {"WWW-Authenticate": "Bearer"})


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _message(request: Request, status: int, text: str, back: str = "/") -> Response:
    title = say(voice_of(request), "refused.title")
    return page(request, "message", status=status, title=title, text=text, command=None, back=back)
