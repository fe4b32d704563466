"""`reconciler.match`: charges and orders as pandas, Polars or Arrow frames in, results in the same kind out."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.errors import ConfigError
from reconciler.files import results
from reconciler.files.engine import DuckEngine, open_engine
from reconciler.files.match import Clock, reconcile
from reconciler.files.sources import Source
from reconciler.matching.terms import Terms


@dataclass(frozen=True, slots=True)
class Frames:
    """What a match came to: `matches` and `findings` as frames, `summary` as in `summary.json`."""

    matches: Any
    findings: Any
    summary: dict[str, Any]


def match_frames(charges: Any, orders: Any, policy: Terms, *, as_of: datetime | None, memory_limit: str) -> Frames:
    """See `reconciler.match`."""
    give = _giver(charges)
    _giver(orders)
    with tempfile.TemporaryDirectory(prefix="match-") as name:
        engine = open_engine(Path(name), memory_limit)
        try:
            both = _source(engine, "charges", charges), _source(engine, "orders", orders)
            summary = reconcile(engine, both, policy, Path(name), Clock(lambda _line: None), as_of=as_of)
            engine.run("SET preserve_insertion_order = true")
            matches, findings = (give(engine.connection.sql(query)) for query in (results.MATCHES, results.FINDINGS))
        finally:
            engine.connection.close()
    return Frames(matches, findings, summary)


def _source(engine: DuckEngine, name: str, frame: Any) -> Source:
    engine.connection.register(f"frame_{name}", frame)
    return Source(name, f"frame_{name}")


def _giver(frame: Any) -> Callable[[Any], Any]:
    """How to turn a result into the kind of frame that came in; raises ConfigError for anything else."""
    library = type(frame).__module__.partition(".")[0]
    givers: dict[str, Callable[[Any], Any]] = {
        "pandas": lambda result: result.df(),
        "polars": lambda result: result.pl(),
        "pyarrow": lambda result: result.to_arrow_table(),
    }
    if library not in givers:
        raise ConfigError(f"{type(frame).__name__} is no frame of pandas, Polars or pyarrow")
    return givers[library]
