"""Whose program asks: a bearer token that has the scope which the route needs."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from reconciler.access import PERSONAL, masked
from reconciler.store.api_tokens import Bearer, find
from reconciler.store.engine import read
from reconciler.web.dashboard.guard import needs
from reconciler.web.dashboard.site import site_of
from reconciler.web.forgers import is_ours

_scheme = HTTPBearer(auto_error=False, description="A token made by `reconciler user token`.")


class Unauthorised(Exception):
    """No token, or one that does not count (401), or not for this (403)."""

    def __init__(self, status: int, says: str) -> None:
        """`says` is told to the program."""
        super().__init__(says)
        self.status = status


def needs_scope(scope: str) -> Callable[..., Bearer]:
    """A dependency: the request carries a token with this scope."""

    def check(request: Request, given: HTTPAuthorizationCredentials | None = Depends(_scheme)) -> Bearer:  # noqa: B008
        site = site_of(request)
        if given is None:
            raise Unauthorised(401, "a bearer token is needed: `reconciler user token` makes one")
        with read(site.engine) as connection:
            bearer = find(connection, given.credentials, site.now())
        if bearer is None:
            raise Unauthorised(401, "this token does not count, or not any more")
        if scope not in bearer.scopes:
            raise Unauthorised(403, f"this token has not the scope {scope}")
        return bearer

    check.scope = scope  # type: ignore[attr-defined]  # read by the test that holds every route against its scope
    return check


def signed_in(
    request: Request,
    given: HTTPAuthorizationCredentials | None = Depends(_scheme),  # noqa: B008
) -> None:
    """A dependency: a token of any scope, or a person's session."""
    if given is None:
        needs("viewer")(request)
        return
    site = site_of(request)
    with read(site.engine) as connection:
        if find(connection, given.credentials, site.now()) is None:
            raise Unauthorised(401, "this token does not count, or not any more")


def inside(request: Request, given: HTTPAuthorizationCredentials | None = Depends(_scheme)) -> None:  # noqa: B008
    """A dependency: the request is made on this machine, and not passed on by a proxy; or it has the scope `status`."""
    if not is_ours(request.scope):
        needs_scope("status")(request, given)


SignedIn = Annotated[None, Depends(signed_in)]
Inside = Annotated[None, Depends(inside)]


def seen_by(bearer: Bearer, value: Any) -> Any:
    """A document as this program may see it: without the scope `personal` e-mail addresses are masked."""
    if PERSONAL in bearer.scopes:
        return value
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: seen_by(bearer, item) for key, item in value.items()}
    return [seen_by(bearer, item) for item in value] if isinstance(value, list) else value
