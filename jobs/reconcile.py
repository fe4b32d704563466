"""Matches and judges what is stored, and writes matches, findings and the statement in one transaction."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.alerts import note
from providers import NAMES, enabled
from reconciler import statement
from reconciler.columns import to_us
from reconciler.detectors import DETECTORS, Context, Detector
from reconciler.findings import OPEN, document, finding_id, iso, public
from reconciler.matching.terms import Coverage, Horizon
from reconciler.model import Finding
from reconciler.money import exponent, format_minor
from reconciler.policy import terms
from reconciler.schema import gaps, quarantine
from reconciler.settings import Settings
from reconciler.store import audit
from reconciler.store.automatic import act
from reconciler.store.cases import follow_findings
from reconciler.store.engine import write
from reconciler.store.facts import feed_rows
from reconciler.store.findings import Changes, list_findings, save_findings
from reconciler.store.lease import Lease
from reconciler.store.ratio import ratios
from reconciler.store.results import save_matches, take_books
from reconciler.store.runs import begin_run, end_run
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
    """What judging came to. `findings` are in their public form, oldest first."""

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
    notify: Callable[[str], None] = lambda _line: None,
) -> Judged:
    """Match and judge everything stored as of `now`; a feed that was not read to its end makes it incomplete.

    With `dry_run` nothing is written. Raises Retryable when the lease was lost meanwhile.
    """
    with write(engine, keep=not dry_run) as connection:
        judged = judge(settings, connection, now, notify)
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
) -> Judged:
    """Match and judge in the caller's write transaction."""
    context = Context(terms(settings), horizon(connection, settings, now))
    run_id = begin_run(connection, now)
    notify("matching charges with orders")
    engine = match_stored(connection, context.terms, context.horizon)
    save_matches(engine)
    notify("judging")
    excluded = set(NAMES) - set(enabled(settings))
    found = [finding for finding in _detect(engine, context) if finding.provider not in excluded]
    changes = save_findings(connection, found, run_id, now, excluded=excluded)
    follow(connection, settings, changes, now)
    note(connection, settings, changes, now)
    accounts = take_books(engine, context.terms, context.horizon)
    standing = [public(row) for row in list_findings(connection)]
    open_now = [row for row in standing if row["status"] == OPEN]
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
    return Judged(run_id, verdict, said, standing, problems, changes)


@step("cases")
def follow(connection: sa.Connection, settings: Settings, changes: Changes, now: datetime) -> None:
    """Open and update the cases of what changed; what the policy may do by itself is decided here."""
    ids = [*changes.opened, *changes.changed, *changes.reopened, *changes.resolved]
    followed = follow_findings(connection, settings, ids, now)
    act(connection, settings, followed.seen.values(), now)


def _detect(engine: StoreEngine, context: Context) -> list[Finding]:
    found = [finding for detector in DETECTORS for finding in _judged(engine, detector, context)]
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
        if row["amount"] is None or row["severity"] == "info":
            continue
        subject = row["order_id"] or ",".join(row["transaction_ids"])
        key = (row["currency"], subject)
        largest[key] = max(largest.get(key, 0), _minor(row))
    sums: Counter[str] = Counter()
    for (currency, _), minor in largest.items():
        sums[currency] += minor
    return {currency: format_minor(sums[currency], currency) for currency in sorted(sums)}


def _minor(row: Mapping[str, Any]) -> int:
    places = exponent(row["currency"] or "")
    return int(str(row["amount"]).replace(".", "")) if places else int(row["amount"])


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
        if row["amount"] is not None:
            sums[row["currency"]] += _minor(row)
    return {currency: format_minor(sums[currency], currency) for currency in sorted(sums)}


def _quarantined(connection: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(quarantine).where(quarantine.c.released_at.is_(None))
    return int(connection.execute(query).scalar_one())
