"""`match`: two inputs in; matches, findings and the books out, the same for the same rows in any order."""

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.detectors import Context
from reconciler.files import inputs, results, settled, sources
from reconciler.files.engine import DuckEngine, open_engine
from reconciler.files.shapes import CHARGES, ORDERS
from reconciler.matching import run
from reconciler.matching.terms import Terms


class Clock:
    """Seconds and peak memory by step, for `timing.json`."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        """`notify` hears of every step as it begins."""
        self.steps: list[dict[str, Any]] = []
        self._notify = notify

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block."""
        self._notify(name)
        began, cpu = time.perf_counter(), time.process_time()
        yield
        self.steps.append(
            {
                "step": name,
                "seconds": round(time.perf_counter() - began, 3),
                "cpu_seconds": round(time.process_time() - cpu, 3),
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )


def match_files(
    charges: Path,
    orders: Path,
    out: Path,
    terms: Terms,
    *,
    as_of: datetime | None = None,
    memory_limit: str = "1GB",
    watch_all: bool = False,
    notify: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """Reconcile two files and write `matches.parquet`, `findings.parquet`, `summary.json` and `timing.json`.

    Returns the summary. Raises ConfigError with one line for a file that cannot be used. `watch_all` sends every row
    through the plan, which gives the same and takes longer.
    """
    out.mkdir(parents=True, exist_ok=True)
    clock = Clock(notify)
    with tempfile.TemporaryDirectory(prefix="match-", dir=out) as name:
        folder = Path(name)
        engine = open_engine(folder, memory_limit)
        both = sources.of_file(charges), sources.of_file(orders)
        summary = reconcile(engine, both, terms, folder, clock, as_of=as_of, watch_all=watch_all)
        with clock.step("writing"):
            results.copy(engine, results.MATCHES, folder / "matches.parquet")
            results.copy(engine, results.FINDINGS, folder / "findings.parquet")
        _put(folder / "summary.json", summary)
        _put(folder / "timing.json", {"steps": clock.steps})
        engine.connection.close()
        for written in ("matches.parquet", "findings.parquet", "summary.json", "timing.json"):
            (folder / written).replace(out / written)
    return summary


def reconcile(
    engine: DuckEngine,
    both: tuple[sources.Source, sources.Source],
    terms: Terms,
    folder: Path,
    clock: Clock,
    *,
    as_of: datetime | None = None,
    watch_all: bool = False,
) -> dict[str, Any]:
    """Match and judge charges and orders inside the engine, and return the summary; `folder` is for passing files."""
    charges, orders = both
    for tidy in (False, True):
        with clock.step("checking the values"):
            sources.load(engine, charges, CHARGES, folder, tidy=tidy)
            sources.load(engine, orders, ORDERS, folder, tidy=tidy)
        with clock.step("joining by reference"):
            if settled.join(engine, terms):
                break
    with clock.step("setting aside what agrees"):
        settled.set_aside(engine, watch_all=watch_all)
    with clock.step("reading what needs a look"):
        engine.prepare()
        inputs.fill(engine, terms, charges, orders)
        context = Context(terms, inputs.horizon(engine, as_of))
    with clock.step("matching"):
        run.match(engine, terms, context.horizon)
    with clock.step("judging"):
        counts = results.judge(engine, context, folder)
    with clock.step("counting"):
        return results.summary(engine, context, counts)


def _put(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
