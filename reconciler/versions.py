"""Names what a result rests on: the program, the policy's numbers and the configuration, each as a short version."""

import hashlib
from typing import Any

import reconciler
from reconciler import config
from reconciler.audit import canonical
from reconciler.policy import CLAUSES
from reconciler.settings import Settings


def versions(settings: Settings) -> dict[str, str]:
    """The program's version, and digests of the clauses, of [policy] with [currency], and of everything but secrets."""
    shown = config.masked(settings)
    return {
        "program": reconciler.__version__,
        "clauses": _digest(CLAUSES),
        "policy": _digest({"policy": shown["policy"], "currency": shown["currency"]}),
        "config": _digest(shown),
    }


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
