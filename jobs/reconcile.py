"""Matches and judges what is stored, and writes matches, findings and the statement in one transaction."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.alerts import note
from providers import NAMES, enabled
from reconciler import statement
from reconciler.columns import from_us, to_us
from reconciler.detectors import ALWAYS, DETECTORS, Context, Detector
from reconciler.findings import OPEN, document, finding_id, iso, public
from reconciler.matching.terms import Coverage, Horizon
from reconciler.model import Finding
from reconciler.money import format_minor
from reconciler.policy import terms
from reconciler.schema import gaps, quarantine
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.automatic import act
from reconciler.store.cases import follow_findings
from reconciler.store.engine import write
from reconciler.store.facts import feed_rows
from reconciler.store.findings import Changes, list_findings, open_sums, save_findings
from reconciler.store.lease import Lease
from reconciler.store.loose import keep
from reconciler.store.needs import loose_ends
from reconciler.store.ratio import ratios
from reconciler.store.results import save_results, unmoved_books
from reconciler.store.runs import begin_run, end_run
from reconciler.store.scope import find_scope, last_marks, settle
from reconciler.store.steps import StoreEngine, match_stored
from reconciler.timing import step
from reconciler.versions import versions

SHOP_FEEDS = ("shop.orders", "shop.accounts", "shop.payments")
MAIN_FEEDS = {name: f"{name}.sales" for name in NAMES}
UNRELIABLE = ("incomplete", "does_not_close")
SWEEPS = {name: f"{name}.sweep" for name in NAMES}
"""By convention: the feed whose completeness lets absence be concluded, and the one that looks back for reversals."""


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
    now: datetime,
    *,
    lease: Lease | None = None,
    dry_run: bool = False,
    full: bool = False,
    notify: Callable[[str], None] = lambda _line: None,
) -> Judged:
    """Match and judge what is stored as of `now`; a feed that was not read to its end makes it incomplete.

    What neither changed nor came of age since the last run is not looked at, unless `full` asks for it: the result is
    the same. With `dry_run` nothing is written. Raises Retryable when the lease was lost meanwhile.
    """
    with write(engine, keep=not dry_run) as connection:
        judged = judge(settings, connection, now, notify, full=full)
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
    context = Context(terms(settings), horizon(connection, settings, now))
    run_id = begin_run(connection, now)
    excluded = set(NAMES) - set(enabled(settings))
    changes, accounts = _conclude(connection, context, excluded, run_id, notify, full)
    follow(connection, settings, changes, now)
    note(connection, settings, changes, now)
    open_now = open_sums(connection)
    alarming = any(row["severity"] != "info" for row in open_now)
    problems = _problems(connection, settings)
    verdict = statement.verdict(accounts, not problems, alarming)
    said = {
        "at": iso(now),
        "verdict": verdict,
        "providers": [account.shown() for account in accounts],
        "feeds": _feeds(connection, settings),
        "at_stake": _at_stake(open_now),
        "findings": _counts(open_now, changes),
        "problems": problems,
        "quarantined": _quarantined(connection),
        "chargeback_ratio": ratios(connection, settings, now),
    }
    end_run(connection, run_id, now, verdict, said, problems)
    concluded = {"verdict": verdict, "open": len(open_now), "versions": versions(settings)}
    audit.record(connection, "run.ended", str(run_id), audit.PROGRAM, now, concluded)
    shown = [public(row) for row in list_findings(connection, status=OPEN, ids=changes.resolved)]
    return Judged(run_id, verdict, said, shown, problems, changes)


def _conclude(
    connection: sa.Connection,
    context: Context,
    excluded: Collection[str],
    run_id: int,
    notify: Callable[[str], None],
    full: bool,
) -> tuple[Changes, list[statement.Account]]:
    """Match and judge what changed or came of age since the last run, and all that is linked with it.

    Everything, where `full` is wanted or the last run judged by other rules.
    """
    before = None if full else last_marks(connection, context)
    scoped = before is not None
    engine = None
    if before is None or find_scope(connection, context, before):
        notify("matching charges with orders")
        engine = match_stored(connection, context.terms, context.horizon, scoped=scoped)
        notify("judging")
    detected = _detect(engine or StoreEngine(connection), context, DETECTORS if engine else ALWAYS)
    found = [finding for finding in detected if finding.provider not in excluded]
    now = from_us(context.horizon.now_us)
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


def _problems(connection: sa.Connection, settings: Settings) -> list[str]:
    """What keeps the verdict from being complete: feeds whose last reading failed or never came to its end."""
    lines = []
    for name, row in sorted(feed_rows(connection).items()):
        if name.partition(".")[0] not in {*enabled(settings), "shop"}:
            continue
        if row.last_error:
            lines.append(f"{name}: {row.last_error}")
        elif row.last_success_at is None or row.last_success_at < row.last_attempt_at:
            lines.append(f"{name}: the last reading did not come to its end")
    return lines


def _feeds(connection: sa.Connection, settings: Settings) -> list[dict[str, Any]]:
    missing = defaultdict(list)
    for row in connection.execute(sa.select(gaps).order_by(gaps.c.feed, gaps.c.since)):
        missing[row.feed].append({"since": iso(row.since), "until": iso(row.until), "reason": row.reason})
    wanted = {*enabled(settings), "shop"}
    return [
        {
            "name": name,
            "complete_since": iso(row.complete_since),
            "complete_until": iso(row.complete_until),
            "last_success_at": iso(row.last_success_at),
            "error": row.last_error,
            "gaps": missing[name],
            "main": name in {*MAIN_FEEDS.values(), "shop.orders"},
            "complete": row.last_error is None and not missing[name],
        }
        for name, row in sorted(feed_rows(connection).items())
        if name.partition(".")[0] in wanted
    ]


def _at_stake(rows: list[dict[str, Any]]) -> dict[str, str | None]:
    """Sums by currency of what open findings put at stake; each charge and order counts once, by its largest."""
    largest: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["amount_minor"] is None or row["severity"] == "info":
            continue
        subject = row["order_id"] or ",".join(row["document"]["transaction_ids"])
        key = (row["currency"], subject)
        largest[key] = max(largest.get(key, 0), row["amount_minor"])
    sums: Counter[str] = Counter()
    for (currency, _), minor in largest.items():
        sums[currency] += minor
    return {currency: format_minor(sums[currency], currency) for currency in sorted(sums)}


def _counts(rows: list[dict[str, Any]], changes: Changes) -> dict[str, Any]:
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    return {
        "open": len(rows),
        "opened": len(changes.opened),
        "changed": len(changes.changed),
        "reopened": len(changes.reopened),
        "resolved": len(changes.resolved),
        "by_kind": {
            kind: {"count": len(of_kind), "severity": of_kind[0]["severity"], "at_stake": _sums(of_kind)}
            for kind, of_kind in sorted(kinds.items())
        },
    }


def _sums(rows: list[dict[str, Any]]) -> dict[str, str | None]:
    sums: Counter[str] = Counter()
    for row in rows:
        if row["amount_minor"] is not None:
            sums[row["currency"]] += row["amount_minor"]
    return {currency: format_minor(sums[currency], currency) for currency in sorted(sums)}


def _quarantined(connection: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(quarantine).where(quarantine.c.released_at.is_(None))
    return int(connection.execute(query).scalar_one())
