"""What a list's address asks for, as it goes into the form and the links again."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from reconciler.report.texts import KINDS
from reconciler.store.filters import NAMES, Wanted, wanted
from reconciler.web.dashboard.site import site_of

_OUTSIDE = ("q", "status")
"""What stands outside of the folded part of the form."""


def asked_of(request: Request) -> Wanted:
    """The filter in the address. Raises BadRecord."""
    return wanted(request.query_params, site_of(request).zone)


def query_of(request: Request) -> str:
    """The filter's part of the address, without the place in the list."""
    given = request.query_params
    return urlencode([(name, given[name]) for name in NAMES if given.get(name)])


def form_of(request: Request) -> dict[str, Any]:
    """The filter as the form shows it."""
    values: dict[str, Any] = {name: request.query_params.get(name, "") for name in NAMES}
    values["open"] = any(value for name, value in values.items() if name not in _OUTSIDE)
    values["kinds"] = ("chargeback", "review", *(kind for kind in KINDS if kind != "chargeback"))
    return values
