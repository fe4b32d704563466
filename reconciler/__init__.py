"""Reconciles a shop's orders with its payment providers and watches for money that went wrong."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.files.frames import Frames
    from reconciler.matching.terms import Terms

__version__ = "0.1.0"


def match(
    charges: Any,
    orders: Any,
    policy: "Terms | None" = None,
    *,
    as_of: datetime | None = None,
    memory_limit: str = "1GB",
) -> "Frames":
    """Reconcile two frames (pandas, Polars or Arrow) as `reconciler match` does two files.

    `policy` is a `reconciler.matching.terms.Terms`, the defaults without one. Gives `matches` and `findings` as
    frames of the kind of `charges`, and the `summary`. Raises `reconciler.errors.ConfigError` with one line for input
    that cannot be used.
    """
    from reconciler.files.frames import match_frames
    from reconciler.matching.terms import Terms

    return match_frames(charges, orders, policy or Terms(), as_of=as_of, memory_limit=memory_limit)
