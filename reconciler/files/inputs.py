"""Fills the plan's tables from the two loaded files, and tells over which time they can be believed."""

from datetime import datetime

from reconciler.columns import to_us
from reconciler.files.engine import DuckEngine
from reconciler.matching.terms import Coverage, Horizon, Terms

_UUID = "________-____-____-____-____________%"


def fill(engine: DuckEngine, terms: Terms) -> None:
    """Turn charges and orders into the plan's inputs."""
    _fold_emails(engine)
    money = _comparable(terms)
    engine.run(_CHARGE.format(money=money.format(currency="c.currency"), uuid=_UUID))
    engine.run(_ECHO)
    engine.run(_REVERSAL.format(money=money.format(currency="currency")))
    engine.run(_ORDER.format(money=money.format(currency="o.currency")))


def horizon(engine: DuckEngine, as_of: datetime | None) -> Horizon:
    """Both files count as complete over the span of their own times; `as_of` is now, else their latest time."""
    spans = engine.connection.execute(
        "SELECT provider, min(occurred_at), max(occurred_at) FROM charges GROUP BY provider ORDER BY provider"
    ).fetchall()
    row = engine.connection.execute(
        "SELECT max(greatest(created_at, coalesce(delivered_at, created_at), updated_at)) FROM orders"
    ).fetchone()
    shop_until = row[0] if row else None
    latest = max([until for _, _, until in spans] + ([shop_until] if shop_until is not None else []), default=0)
    now = latest if as_of is None else to_us(as_of)
    providers = {provider: Coverage(since, until) for provider, since, until in spans}
    return Horizon(now, shop_until, providers, {provider: until for provider, _, until in spans})


def _comparable(terms: Terms) -> str:
    known = {"RUR": "RUB", **terms.equivalents}
    cases = " ".join(f"WHEN upper({{currency}}) = '{code}' THEN '{iso}'" for code, iso in sorted(known.items()))
    return f"CASE {cases} WHEN upper({{currency}}) LIKE 'WM%' THEN NULL ELSE upper({{currency}}) END"


def _fold_emails(engine: DuckEngine) -> None:
    """Lower-casing is enough for ASCII; the few other e-mails are folded as everywhere else in the program."""
    for table in ("charges", "orders"):
        engine.run(f"UPDATE {table} SET buyer_email = lower(buyer_email) WHERE buyer_email != lower(buyer_email)")
        rare = engine.connection.execute(
            f"SELECT DISTINCT buyer_email FROM {table} WHERE regexp_matches(buyer_email, '[^\\x00-\\x7F]')"
        ).fetchall()
        folded = [(email.casefold(), email) for (email,) in rare if email.casefold() != email]
        if folded:
            engine.connection.executemany(f"UPDATE {table} SET buyer_email = ? WHERE buyer_email = ?", folded)


_CHARGE = """
INSERT INTO m_charge BY NAME
SELECT c.provider, c.ref,
    CASE WHEN c.provider = 'tribute' AND c.ref LIKE '{uuid}' THEN split_part(c.ref, ':', 1) ELSE c.ref END AS group_ref,
    upper(c.currency) AS currency, {money} AS money, c.account_id, c.telegram_user_id AS telegram,
    c.buyer_email AS email, c.product_id, c.amount_minor, c.occurred_at AS occurred_us,
    CASE WHEN c.provider = 'tribute' AND c.ref LIKE '{uuid}' THEN 1 ELSE 0 END AS shared,
    0 AS recurring, CASE WHEN c.claimed = false THEN 1 ELSE 0 END AS unclaimed, 1 AS looked_up, 0 AS history,
    CASE WHEN r.parent_ref IS NULL THEN 0 ELSE 1 END AS reversed, 0 AS approved
FROM charges c
LEFT JOIN (
    SELECT DISTINCT provider, parent_ref FROM charges
    WHERE kind != 'charge' AND status != 'withdrawn' AND parent_ref IS NOT NULL
) r ON r.provider = c.provider AND r.parent_ref = c.ref
WHERE c.kind = 'charge' AND c.status = 'paid'
"""

_ECHO = """
INSERT INTO m_echo BY NAME
SELECT provider, ref, order_ref AS value FROM charges
WHERE kind = 'charge' AND status = 'paid' AND order_ref IS NOT NULL
"""

_REVERSAL = """
INSERT INTO m_reversal BY NAME
SELECT provider, ref, parent_ref, kind, CASE WHEN status = 'initiated' THEN 'initiated' ELSE 'completed' END AS status,
    upper(currency) AS currency, {money} AS money, amount_minor, occurred_at AS occurred_us, 0 AS seller_started
FROM charges WHERE kind != 'charge' AND status != 'withdrawn'
"""

_ORDER = """
INSERT INTO m_order BY NAME
SELECT o.order_id, o.provider, o.provider_ref, o.account_id, o.telegram_user_id AS telegram, o.buyer_email AS email,
    o.product_id, upper(o.currency) AS currency, {money} AS money, o.status, o.amount_minor,
    o.created_at AS created_us, o.delivered_at AS delivered_us, o.updated_at AS updated_us,
    o.credits_ordered AS credits_ordered_micro, o.credits AS credits_micro, o.credits_used AS credits_used_micro,
    CASE WHEN o.status = 'delivered' OR (o.status = 'refunded' AND o.delivered_at IS NOT NULL) THEN 1 ELSE 0 END
        AS delivered,
    CASE WHEN o.provider_ref IS NULL THEN 0 ELSE 1 END AS named, 1 AS findable,
    CASE WHEN c.status IS NULL THEN 1 WHEN c.status IN ('pending', 'failed', 'prepaid') THEN 2
        WHEN c.status = 'paid' THEN 3 ELSE 0 END AS absence
FROM orders o
LEFT JOIN charges c ON c.provider = o.provider AND c.ref = o.provider_ref AND c.kind = 'charge'
"""
