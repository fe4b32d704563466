"""Recomputes a day's result from stored raw records in a scratch store, and compares it byte for byte; writes nothing.

A day's result is what its last completed run concluded: its statement and the findings that it left open. The run
before it is judged again first, since a statement tells what was opened and closed between the two.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.differences import first_difference
from jobs.rebuild import Lost, Rebuild
from jobs.reconcile import conclude
from jobs.run_settings import as_then
from jobs.said import said
from reconciler import __version__
from reconciler.audit import canonical
from reconciler.findings import DISMISSED, iso
from reconciler.report.period import Period
from reconciler.schema import finding_events, findings, refund_approvals, runs
from reconciler.schema_cases import disputes
from reconciler.settings import Settings
from reconciler.store import as_of, bases, losses
from reconciler.store.engine import connect, migrate, read, write
from reconciler.store.run_inputs import Inputs, inputs_of, restore_books
from reconciler.store.runs import begin_run

IDENTICAL, DIFFERENT, REFUSED = "identical", "different", "refused"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. `reason` says why nothing could be compared, or names the first difference."""

    date: str
    outcome: str
    reason: str = ""
    run_id: int | None = None
    at: str | None = None
    digest: str = ""
    records: int = 0
    changed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Run:
    """A completed run, with what it was judged with and the settings of then."""

    row: Any
    inputs: Inputs
    settings: Settings


class _Refused(Exception):
    """The day cannot be recomputed; `str()` says what is missing."""


def replay(settings: Settings, engine: sa.Engine, day: Period, notify: Callable[[str], None]) -> Replayed:
    """Recompute the result of a day, and compare it with the stored one."""
    with read(engine) as source:
        row = _last_of(source, day)
        if row is None:
            reason = f"no run was completed on {day.first}: `reconciler status` shows the last ones"
            return Replayed(str(day.first), REFUSED, reason)
        about = {"date": str(day.first), "run_id": row.id, "at": iso(row.finished_at)}
        try:
            rows = [one for one in (_before(source, row), row) if one is not None]
            base = _base(source, rows[0], day)
            return _compared(source, [_run(source, settings, one) for one in rows], base, about, notify)
        except _Refused as error:
            return Replayed(outcome=REFUSED, reason=str(error), **about)


def _base(source: sa.Connection, first: Any, day: Period) -> Any | None:
    """What to begin with: nothing where the log reaches back so far, else the oldest base, which proves most."""
    missing = losses.never_kept(source)
    if missing is None:
        return None
    base, inputs = bases.oldest(source), inputs_of(source, first.id)
    if base is None or inputs is None or inputs.last_reading < base.reading:
        raise _Refused(f"{missing}; {losses.reach(source, day.zone)}")
    if not bases.is_as_taken(source, base):
        raise _Refused(f"base {base.id} of {base.at:%Y-%m-%d}, with which it begins, was changed by hand")
    return base


def _compared(
    source: sa.Connection, chain: list[_Run], base: Any | None, about: dict[str, Any], notify: Callable[[str], None]
) -> Replayed:
    run = chain[-1]
    stored, by_hand = _stored(source, run.row)
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        scratch = _scratch(Path(folder))
        try:
            with write(scratch, keep=False) as target:
                rebuild = Rebuild(source, target, notify)
                if base is not None:
                    rebuild.begin_with(base)
                recomputed = _recomputed(source, target, rebuild, chain, notify)
        finally:
            scratch.dispose()
    about |= {"records": rebuild.records, "changed": rebuild.changed}
    there, made = _bytes(stored), _bytes(recomputed)
    if there == made and not (rebuild.changed or by_hand):
        return Replayed(outcome=IDENTICAL, digest=hashlib.sha256(there).hexdigest(), **about)
    difference = first_difference(json.loads(there), json.loads(made)) or "the result is the same all the same"
    erased = losses.erased_since(source, run.row.finished_at)
    if erased is not None and not (rebuild.changed or by_hand):
        raise _Refused(
            f"a buyer's data were erased on {erased:%Y-%m-%d}, so the records of then are gone ({difference})"
        )
    return Replayed(outcome=DIFFERENT, reason=_explained(difference, by_hand, rebuild, run.inputs), **about)


def _stored(source: sa.Connection, row: Any) -> tuple[dict[str, Any], list[str]]:
    """What is stored of a run, and the findings of the newest one that were changed by hand since.

    Findings are those of their history; where the table itself says otherwise after the newest run, what it says.
    """
    found = _shown(as_of.findings_left(source, row.id, row.finished_at))
    changed = as_of.unlike_history(source) if _after(source, row) is None else {}
    found = {id_: said for id_, said in (found | changed).items() if said is not None}
    return {"findings": found, "statement": row.statement}, sorted(changed)


def _scratch(folder: Path) -> sa.Engine:
    """An empty store; nothing in it has to outlive this process, so that it need not wait for the disk."""
    engine = connect(f"sqlite:///{folder / 'replay.db'}")
    sa.event.listen(engine, "connect", lambda opened, _record: opened.execute("PRAGMA synchronous=OFF").close())
    migrate(engine)
    return engine


def _explained(difference: str, by_hand: list[str], rebuild: Rebuild, inputs: Inputs) -> str:
    if by_hand:
        difference += f"; finding {by_hand[0]}{_more(by_hand)} was changed by hand: its history says otherwise"
    if rebuild.changed:
        difference += f"; raw record {rebuild.changed[0]}{_more(rebuild.changed)} was changed by hand since it was read"
    if inputs.version != __version__:
        difference += f"; the run was made by version {inputs.version}, this is {__version__}"
    return difference


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _recomputed(
    source: sa.Connection, target: sa.Connection, rebuild: Rebuild, chain: list[_Run], notify: Callable[[str], None]
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for run in chain:
        at = run.row.finished_at
        try:
            rebuild.until(run.inputs.last_reading)
        except Lost as error:
            raise _Refused(_lost(source, error, rebuild)) from None
        restore_books(target, run.inputs)
        _restore(target, refund_approvals, as_of.approvals_at(source, at))
        _restore(target, disputes, as_of.disputes_at(source, at, ZoneInfo(run.settings.timezone)))
        target.execute(sa.delete(finding_events))
        _restore(target, findings, as_of.findings_before(source, run.row.id, at))
        number = begin_run(target, at)
        changes, accounts = conclude(run.settings, target, at, number, notify, full=True)
        settled = findings.c.id.in_(as_of.dismissed_in(source, at))
        target.execute(sa.update(findings).where(settled).values(status=DISMISSED))
        told = said(target, run.settings, at, accounts, changes).statement
        target.execute(sa.update(runs).where(runs.c.id == number).values(finished_at=at))
    standing = target.execute(sa.select(findings).where(findings.c.status == "open")).mappings()
    return {"findings": _shown([dict(row) for row in standing]), "statement": told}


def _lost(source: sa.Connection, error: Lost, rebuild: Rebuild) -> str:
    if rebuild.changed:
        return f"{error}; it was changed by hand since it was read"
    if error.gone or losses.erased_since(source, error.read_at) is not None:
        return losses.why(source, str(error), error.read_at)
    return f"{error}; version {__version__} reads it otherwise than the one that stored it"


def _restore(target: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    target.execute(sa.delete(table))
    if rows:
        target.execute(sa.insert(table), rows)


def _last_of(connection: sa.Connection, day: Period) -> Any:
    query = sa.select(runs).where(runs.c.finished_at >= day.start, runs.c.finished_at < day.end)
    return connection.execute(query.order_by(runs.c.id.desc()).limit(1)).one_or_none()


def _before(connection: sa.Connection, row: Any) -> Any:
    query = sa.select(runs).where(runs.c.id < row.id, runs.c.finished_at.is_not(None))
    return connection.execute(query.order_by(runs.c.id.desc()).limit(1)).one_or_none()


def _after(connection: sa.Connection, row: Any) -> Any:
    query = sa.select(runs.c.id).where(runs.c.id > row.id, runs.c.finished_at.is_not(None))
    return connection.execute(query.limit(1)).scalar()


def _run(connection: sa.Connection, settings: Settings, row: Any) -> _Run:
    inputs = inputs_of(connection, row.id)
    if inputs is None:
        raise _Refused(losses.not_kept(connection, row.id, row.finished_at))
    then = as_then(settings, inputs.settings)
    if then is None:
        raise _Refused(f"run {row.id} was judged with settings that this program does not know (of {inputs.version})")
    return _Run(row, inputs, then)


def _shown(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Findings by their id, each with all that it says: kind, money, explanation, evidence."""
    return {row["id"]: row["document"] for row in rows}


def _bytes(result: dict[str, Any]) -> bytes:
    return canonical(result).encode()
