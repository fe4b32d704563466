"""Counts charges and confirmed chargebacks by month, provider and currency, for the ratio watch."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reconciler.columns import to_us
from reconciler.model import Kind, Status
from reconciler.policy.ratio import months
from reconciler.schema import paid_counts, transactions
from reconciler.schema_cases import disputes
from reconciler.settings import Settings
from reconciler.statement import QUARTER_US

LOOK_BACK = 3
"""Months that are watched, the current one included."""

Counts = dict[tuple[str, str, str], int]


def ratios(connection: sa.Connection, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """The ratio of each of the last months, by provider and the charge's currency, oldest first."""
    charges: Counts = {}
    chargebacks: Counts = {}
    for name, since, until in _spans(now, ZoneInfo(settings.timezone)):
        charges |= {(name, *key): int(count) for *key, count in connection.execute(_charges(since, until))}
        chargebacks |= {(name, *key): count for *key, count in connection.execute(_chargebacks(since, until))}
    limit = Decimal(str(settings.ratio.limit_percent))
    return [one.shown(limit, settings.ratio.minimum_charges) for one in months(charges, chargebacks)]


def _spans(now: datetime, zone: ZoneInfo) -> list[tuple[str, datetime, datetime]]:
    local = now.astimezone(zone)
    year, month = local.year, local.month
    spans = []
    for _ in range(LOOK_BACK):
        since = datetime(year, month, 1, tzinfo=zone)
        until = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
        spans.append((f"{year:04}-{month:02}", since, until))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return spans


def _charges(since: datetime, until: datetime) -> Any:
    """The paid charges that the last run counted: of enabled providers, from their feed's beginning on."""
    table = paid_counts.c
    return (
        sa.select(table.provider, table.currency, sa.func.sum(table.count))
        .where(table.quarter >= to_us(since) // QUARTER_US, table.quarter < to_us(until) // QUARTER_US)
        .group_by(table.provider, table.currency)
    )


def _chargebacks(since: datetime, until: datetime) -> Any:
    """Chargebacks on record, and those that a provider names; won or lost, each counts, and none counts twice."""
    charge, back = transactions.alias("charge"), transactions.alias("back")
    of_charge = sa.and_(charge.c.provider == disputes.c.provider, charge.c.ref == disputes.c.ref)
    currency = sa.func.coalesce(charge.c.currency, disputes.c.currency)
    recorded = (
        sa.select(disputes.c.provider, currency.label("currency"))
        .outerjoin(charge, of_charge)
        .where(_is_chargeback())
        .where(disputes.c.opened_at >= since, disputes.c.opened_at < until)
    )
    known = sa.exists().where(
        disputes.c.provider == back.c.provider, disputes.c.ref == back.c.parent_ref, _is_chargeback()
    )
    is_chargeback = back.c.kind == sa.literal_column(f"'{Kind.CHARGEBACK}'")  # spelled out, as the index says it
    named = sa.select(back.c.provider, back.c.currency).where(
        is_chargeback,
        back.c.status != Status.WITHDRAWN,
        back.c.occurred_at >= since,
        back.c.occurred_at < until,
        ~known,
    )
    both = sa.union_all(recorded, named).subquery()
    return sa.select(both.c.provider, both.c.currency, sa.func.count()).group_by(both.c.provider, both.c.currency)


def _is_chargeback() -> sa.ColumnElement[bool]:
    """A sign of one is none, nor is one that an alert prevented."""
    return disputes.c.state.not_in(["signal", "prevented"])
