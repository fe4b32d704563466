"""What a run says of itself: its verdict, the statement of its totals, and what keeps it from being complete."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from providers import NAMES, enabled
from reconciler import statement
from reconciler.findings import iso
from reconciler.money import format_minor
from reconciler.schema import gaps, quarantine
from reconciler.settings import Settings
from reconciler.store.facts import feed_rows
from reconciler.store.findings import Changes, open_sums
from reconciler.store.ratio import ratios

MAIN_FEEDS = {name: f"{name}.sales" for name in NAMES}
"""By convention: the feed whose completeness lets absence be concluded."""


@dataclass(frozen=True, slots=True)
class Said:
    """A run's verdict and statement; `open` counts the open findings."""

    verdict: str
    statement: dict[str, Any]
    problems: list[str]
    open: int


def said(
    connection: sa.Connection,
    settings: Settings,
    now: datetime,
    accounts: Sequence[statement.Account],
    changes: Changes,
) -> Said:
    """What the run came to, as the store holds it now."""
    open_now = open_sums(connection)
    alarming = any(row["severity"] != "info" for row in open_now)
    problems = _problems(connection, settings)
    verdict = statement.verdict(accounts, not problems, alarming)
    told = {
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
    return Said(verdict, told, problems, len(open_now))


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
