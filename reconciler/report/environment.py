"""The templates of every file that is written for people to open in a browser."""

from functools import cache
from typing import Any

import jinja2

from reconciler.report import shown


@cache
def templates(nothing: str | None = None) -> jinja2.Environment:
    """The templates, which show text of others as text: escaped, and with its invisible characters written out.

    `nothing` stands where there is no value; without it such a value is written as any other.
    """
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: nothing if value is None and nothing is not None else _visible(value),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _visible(value: Any) -> Any:
    return shown.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
