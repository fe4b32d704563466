"""Matches and judges what is stored, and writes matches, findings and the statement in one transaction."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs import run_settings
from jobs.alerts import note
from jobs.said import MAIN_FEEDS, said
from providers import NAMES, enabled
from reconciler import statement
from reconciler.columns import to_us
from reconciler.detectors import ALWAYS, DETECTORS, Context, Detector
from reconciler.findings import OPEN, document, finding_id, public
from reconciler.matching.terms import Coverage, Horizon
from reconciler.model import Finding
from reconciler.policy import terms
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.automatic import act
from reconciler.store.cases import follow_findings
from reconciler.store.engine import write
from reconciler.store.facts import feed_rows
from reconciler.store.findings import Changes, list_findings, save_findings
from reconciler.store.lease import Lease
from reconciler.store.loose import keep
from reconciler.store.needs import loose_ends
from reconciler.store.results import save_results, unmoved_books
from reconciler.store.run_inputs import keep_inputs
from reconciler.store.runs import begin_run, end_run
from reconciler.store.scope import find_scope, last_marks, settle
from reconciler.store.steps import StoreEngine, match_stored
from reconciler.timing import step
from reconciler.versions import versions

SHOP_FEEDS = ("shop.orders", "shop.accounts", "shop.payments")
__all__ = ["MAIN_FEEDS", "SHOP_FEEDS", "SWEEPS", "UNRELIABLE", "Judged", "conclude", "judge", "reconcile"]
UNRELIABLE = ("incomplete", "does_not_close")
SWEEPS = {name: f"{name}.sweep" for name in NAMES}
"""By convention: the feed that looks back for reversals."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging came to. `findings` are the open ones and those resolved now, in their public form, oldest first."""

    run_id: int | None
    verdict: str
    statement: dict[str, Any]
    findings: list[dict[str, Any]]
    problems: list[str]
    changes: Changes = field(default_factory=Changes)

    @property
    def good(self) -> bool:
        """Whether the result can be relied on: everything was read, and the totals close."""
        return self.verdict not in UNRELIABLE


def reconcile(
    settings: Settings,
    engine: sa.Engine,
    now: Callable[[], datetime],
    *,
    lease: Lease | None = None,
    dry_run: bool = False,
    full: bool = False,
    notify: Callable[[str], None] = lambda _line: None,
) -> Judged:
    """Match and judge what is stored; a feed that was not read to its end makes it incomplete.

    It is `now` once nobody else writes any more: all that was entered before counts, and nothing that comes later.

    What neither changed nor came of age since the last run is not looked at, unless `full` asks for it: the result is
    the same. With `dry_run` nothing is written. Raises Retryable when the lease was lost meanwhile.
    """
    with write(engine, keep=not dry_run) as connection:
        judged = judge(settings, connection, now(), notify, full=full)
        if lease is not None:
            lease.guard(connection)
    return judged


def horizon(connection: sa.Connection, settings: Settings, now: datetime) -> Horizon:
    """How far each feed was read, and so what may be concluded."""
    rows = feed_rows(connection)
    providers = {}
    reversals = {}
    for name in enabled(settings):
        main, sweep = rows.get(MAIN_FEEDS[name]), rows.get(SWEEPS[name])
        if main is None or main.complete_until is None:
            providers[name] = Coverage()
            continue
        providers[name] = Coverage(to_us(main.complete_since), to_us(main.complete_until))
        if sweep is not None and sweep.last_success_at is not None and sweep.complete_until is not None:
            reversals[name] = to_us(min(sweep.last_success_at, sweep.complete_until))  # it ends later than it looked
    shop = [rows[name].complete_until if name in rows else None for name in SHOP_FEEDS]
    shop_until = None if any(until is None for until in shop) else min(to_us(until) for until in shop if until)
    return Horizon(to_us(now), shop_until, providers, reversals)


def judge(
    settings: Settings,
    connection: sa.Connection,
    now: datetime,
    notify: Callable[[str], None] = lambda _line: None,
    *,
    full: bool = False,
) -> Judged:
    """Match and judge in the caller's write transaction; `full` as in `reconcile`."""
    run_id = begin_run(connection, now)
    keep_inputs(connection, run_id, run_settings.text(settings))
    changes, accounts = conclude(settings, connection, now, run_id, notify, full=full)
    follow(connection, settings, changes, now)
    note(connection, settings, changes, now)
    told = said(connection, settings, now, accounts, changes)
    end_run(connection, run_id, now, told.verdict, told.statement, told.problems)
    concluded = {"verdict": told.verdict, "open": told.open, "versions": versions(settings)}
    audit.record(connection, "run.ended", str(run_id), audit.PROGRAM, now, concluded)
    shown = [public(row) for row in list_findings(connection, status=OPEN, ids=changes.resolved)]
    return Judged(run_id, told.verdict, told.statement, shown, told.problems, changes)


def conclude(
    settings: Settings,
    connection: sa.Connection,
    now: datetime,
    run_id: int,
    notify: Callable[[str], None] = lambda _line: None,
    *,
    full: bool = False,
) -> tuple[Changes, list[statement.Account]]:
    """Match and judge what changed or came of age since the last run, and all that is linked with it.

    Everything, where `full` is wanted or the last run judged by other rules. Findings, matches and books are stored.
    """
    context = Context(terms(settings), horizon(connection, settings, now))
    excluded = set(NAMES) - set(enabled(settings))
    before = None if full else last_marks(connection, context)
    scoped = before is not None
    engine = None
    if before is None or find_scope(connection, context, before):
        notify("matching charges with orders")
        engine = match_stored(connection, context.terms, context.horizon, scoped=scoped)
        notify("judging")
    detected = _detect(engine or StoreEngine(connection), context, DETECTORS if engine else ALWAYS)
    found = [finding for finding in detected if finding.provider not in excluded]
    changes = save_findings(connection, found, run_id, now, excluded=excluded, scoped=scoped)
    accounts = (
        save_results(engine, context.terms, context.horizon, scoped=scoped) if engine else unmoved_books(connection)
    )
    if engine:
        keep(connection, loose_ends, context.horizon.providers, scoped=scoped)
    settle(connection, context)
    return changes, accounts


@step("cases")
def follow(connection: sa.Connection, settings: Settings, changes: Changes, now: datetime) -> None:
    """Open and update the cases of what changed; what the policy may do by itself is decided here."""
    ids = [*changes.opened, *changes.changed, *changes.reopened, *changes.resolved]
    followed = follow_findings(connection, settings, ids, now)
    act(connection, settings, followed.seen.values(), now)


def _detect(engine: StoreEngine, context: Context, detectors: Iterable[Detector]) -> list[Finding]:
    found = [finding for detector in detectors for finding in _judged(engine, detector, context)]
    ids = Counter(finding_id(finding.kind, finding.subject) for finding in found)
    doubled = [id_ for id_, count in ids.items() if count > 1]
    if doubled:
        raise RuntimeError(f"two findings claim one id: {[document(one) for one in found][:2]} {doubled[:2]}")
    return found


def _judged(engine: StoreEngine, detector: Detector, context: Context) -> list[Finding]:
    with step("detect"), step(detector.kinds[0]):
        return list(detector.judge(engine.rows(detector.candidates(context)), context))
