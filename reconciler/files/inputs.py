"""Fills the plan's tables from the rows of the two inputs that are worth a look, and tells up to when they hold."""

from datetime import datetime

from reconciler.columns import to_us
from reconciler.files.checks import check_unique
from reconciler.files.engine import DuckEngine
from reconciler.files.settled import SHARED, money
from reconciler.files.shapes import CHARGES, ORDERS
from reconciler.files.sources import Source
from reconciler.matching.terms import Coverage, Horizon, Terms


def fill(engine: DuckEngine, terms: Terms, charges: Source, orders: Source) -> None:
    """Turn watched charges and orders into the plan's inputs; raises ConfigError for a row that comes twice."""
    for name in ("charge", "order"):
        engine.run(
            f"CREATE TABLE watched_{name} AS SELECT DISTINCT {name}_row AS row "
            f"FROM pair SEMI JOIN watched ON id = pair.rowid WHERE {name}_row IS NOT NULL"
        )
        engine.run(
            f"CREATE TABLE given_{name} AS SELECT * EXCLUDE (clean, untidy) FROM {name}s "
            f"WHERE row IN (FROM watched_{name})"
        )
    check_unique(engine, charges.name, CHARGES, "SELECT provider, ref FROM given_charge")
    check_unique(engine, orders.name, ORDERS, "SELECT order_id FROM given_order")
    engine.run(_CHARGE.format(money=money(terms)))
    engine.run(_ECHO)
    engine.run(_REVERSAL.format(money=money(terms)))
    micro = ", ".join(f"({name}::DECIMAL(30, 6) * 1000000)::BIGINT AS {name}_micro" for name in ORDERS.decimals)
    engine.run(_ORDER.format(money=money(terms), micro=micro))


def horizon(engine: DuckEngine, as_of: datetime | None) -> Horizon:
    """Both inputs count as complete over the span of their own times; `as_of` is now, else their latest time."""
    spans = engine.all(
        "SELECT provider, min(occurred_at), max(occurred_at) FROM charges GROUP BY provider ORDER BY provider"
    )
    ends = engine.all("SELECT max(created_at), max(delivered_at), max(updated_at) FROM orders")
    shop_until = max((end for end in ends[0] if end is not None), default=None)
    latest = max([until for _, _, until in spans] + ([shop_until] if shop_until is not None else []), default=0)
    now = latest if as_of is None else to_us(as_of)
    providers = {provider: Coverage(since, until) for provider, since, until in spans}
    return Horizon(now, shop_until, providers, {provider: until for provider, _, until in spans})


_CHARGE = f"""
INSERT INTO m_charge BY NAME
WITH back AS (
    SELECT DISTINCT provider, parent_ref FROM given_charge
    WHERE kind != 'charge' AND status != 'withdrawn' AND parent_ref IS NOT NULL
)
SELECT c.provider, c.ref, CASE WHEN {SHARED} THEN split_part(c.ref, ':', 1) ELSE c.ref END AS group_ref,
    c.currency, {{money}} AS money, c.account_id, c.telegram_user_id AS telegram, c.buyer_email AS email, c.product_id,
    c.amount_minor, c.occurred_at AS occurred_us, CASE WHEN {SHARED} THEN 1 ELSE 0 END AS shared,
    0 AS recurring, CASE WHEN c.claimed = false THEN 1 ELSE 0 END AS unclaimed, 1 AS looked_up, 0 AS history,
    CASE WHEN (c.provider, c.ref) IN (SELECT (provider, parent_ref) FROM back) THEN 1 ELSE 0 END AS reversed,
    0 AS approved
FROM given_charge c WHERE c.kind = 'charge' AND c.status = 'paid'
"""

_ECHO = """
INSERT INTO m_echo BY NAME
SELECT provider, ref, order_ref AS value FROM given_charge
WHERE kind = 'charge' AND status = 'paid' AND order_ref IS NOT NULL
"""

_REVERSAL = """
INSERT INTO m_reversal BY NAME
SELECT provider, ref, parent_ref, kind, CASE WHEN status = 'initiated' THEN 'initiated' ELSE 'completed' END AS status,
    currency, {money} AS money, amount_minor, occurred_at AS occurred_us, 0 AS seller_started
FROM given_charge c WHERE kind != 'charge' AND status != 'withdrawn'
"""

_ORDER = """
INSERT INTO m_order BY NAME
SELECT o.order_id, o.provider, o.provider_ref, o.account_id, o.telegram_user_id AS telegram, o.buyer_email AS email,
    o.product_id, o.currency, {money} AS money, o.status, o.amount_minor,
    o.created_at AS created_us, o.delivered_at AS delivered_us, o.updated_at AS updated_us,
    {micro},
    CASE WHEN o.status = 'delivered' OR (o.status = 'refunded' AND o.delivered_at IS NOT NULL) THEN 1 ELSE 0 END
        AS delivered,
    CASE WHEN o.provider_ref IS NULL THEN 0 ELSE 1 END AS named, 1 AS findable,
    CASE WHEN paid IS NULL THEN 1 WHEN paid IN ('pending', 'failed', 'prepaid') THEN 2
        WHEN paid = 'paid' THEN 3 ELSE 0 END AS absence
FROM given_order o
LEFT JOIN (SELECT provider, ref, status AS paid FROM given_charge WHERE kind = 'charge') c
    ON c.provider = o.provider AND c.ref = o.provider_ref
"""
