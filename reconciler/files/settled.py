"""Joins the two inputs once, and sets aside the pairs that nothing can be said about: they agree in everything.

Such a pair is tied by its reference and never looked at again; the plan and the detectors get the other rows, and
of the pairs those that could bear on one of them. What comes out is what the plan over all rows would give.
"""

from reconciler.files.engine import DuckEngine
from reconciler.matching.terms import Terms

UUID_FORM = "________-____-____-____-____________"
SHARED = f"provider = 'tribute' AND ref LIKE '{UUID_FORM}%'"
"""Charges of a provider's order that several charges may share, by the form of their ref."""
SET_ASIDE = "pair ANTI JOIN watched ON id = pair.rowid"
"""The pairs that need no look, as a FROM clause."""


def join(engine: DuckEngine, terms: Terms) -> None:
    """Fill `pair` with every row of both inputs, joined by reference."""
    engine.run(_PAIR.format(money_c=money(terms, "c"), money_o=money(terms, "o"), **_form(terms)))


def set_aside(engine: DuckEngine, *, watch_all: bool = False) -> None:
    """Fill `watched` with the pairs that are worth a look; with `watch_all` these are all of them."""
    engine.run(f"CREATE TABLE watched AS SELECT rowid AS id FROM pair WHERE NOT plain OR {watch_all}")
    if not watch_all:
        engine.run(_DOUBTED)
        _close(engine)


def money(terms: Terms, row: str) -> str:
    """SQL of `money.comparable`: the currency that the amounts of `row` may be compared in, or NULL."""
    known = {"RUR": "RUB", **terms.equivalents}
    cases = " ".join(f"WHEN {row}.currency = '{code}' THEN '{iso}'" for code, iso in sorted(known.items()))
    return f"CASE {cases} WHEN {row}.currency LIKE 'WM%' THEN NULL ELSE {row}.currency END"


def _form(terms: Terms) -> dict[str, object]:
    """The parts of the join: which fields have to agree, and the numbers that stand for what rows share."""
    stated = ("account_id", "telegram_user_id", "buyer_email", "product_id")
    agree = " AND ".join(f"(c.{name} = o.{name} OR c.{name} IS NULL OR o.{name} IS NULL)" for name in stated)
    like = ", ".join(
        f"CASE WHEN c.{name} IS NOT NULL THEN hash('{name}', c.provider, c.{name}, c.amount_minor, c.currency) END "
        f"AS by_{name}"
        for name in stated[:3]
    )
    return {"agree": agree, "like": like, "tolerance": terms.tolerance_minor, "form": UUID_FORM}


_PAIR = """
CREATE TABLE pair AS
SELECT c.row AS charge_row, o.row AS order_row, c.provider, c.ref, o.order_id, c.currency, c.amount_minor,
    c.occurred_at AS occurred_us, {like}, hash('order', o.order_id) AS by_order,
    CASE WHEN c.order_ref IS NOT NULL THEN hash('order', c.order_ref) END AS echo,
    coalesce(
        o.provider = c.provider AND o.status = 'delivered' AND c.amount_minor - o.amount_minor
            BETWEEN -{tolerance} AND {tolerance} AND {money_c} = {money_o} AND {agree}
        AND (o.credits >= o.credits_ordered OR o.credits IS NULL OR o.credits_ordered IS NULL)
        AND (c.provider != 'tribute' OR c.ref LIKE '{form}' OR c.ref NOT LIKE '{form}%')
        AND (c.provider != 'tribute' OR c.order_ref IS NULL OR c.order_ref = o.order_id),
        false) AS plain
FROM (SELECT *, CASE WHEN kind = 'charge' AND status = 'paid' THEN ref END AS paid_ref FROM charges) c
FULL JOIN orders o ON o.provider_ref = c.paid_ref AND (o.provider IS NULL OR o.provider = c.provider)
"""

_DOUBTED = f"""
INSERT INTO watched
WITH doubted AS (
    SELECT provider, ref FROM charges WHERE kind != 'charge' OR status != 'paid'
    UNION SELECT provider, parent_ref FROM charges WHERE kind != 'charge'
    UNION SELECT provider, ref[:{len(UUID_FORM)}] FROM pair WHERE NOT plain AND provider = 'tribute'
)
SELECT pair.rowid FROM pair SEMI JOIN doubted ON doubted.provider = pair.provider AND doubted.ref = pair.ref WHERE plain
UNION
SELECT rowid FROM pair SEMI JOIN (FROM pair SELECT charge_row GROUP BY ALL HAVING count(*) > 1) USING (charge_row)
WHERE plain
UNION
SELECT rowid FROM pair SEMI JOIN (FROM pair SELECT by_order GROUP BY ALL HAVING count(*) > 1) USING (by_order)
WHERE plain
"""
"""Charges that were reversed, that share their order with others, or that come twice; orders that are claimed twice."""

_KEYS = ("by_account_id", "by_telegram_user_id", "by_buyer_email", "by_order")


def _close(engine: DuckEngine) -> None:
    """Add the plain pairs that bear on a watched row, until there are no more.

    A repeat of a watched charge may be any charge of the same buyer, amount and currency, and what a watched charge
    echoes may be any order. The keys are hashes: a chance meeting only adds a pair that needed no look.
    """
    engine.run("CREATE TABLE seen (key UBIGINT)")
    while _see(engine):
        found = " UNION ".join(
            f"SELECT pair.rowid AS id FROM pair SEMI JOIN fresh ON key = {name} WHERE plain" for name in _KEYS
        )
        engine.run(f"INSERT INTO watched FROM ({found}) new ANTI JOIN watched USING (id)")


def _see(engine: DuckEngine) -> bool:
    """Put what watched charges share with others into `fresh`, as far as it is new; whether there is any."""
    names = (*_KEYS[:3], "echo")
    keys = " UNION ".join(f"SELECT {name} AS key FROM pair SEMI JOIN watched ON id = pair.rowid" for name in names)
    engine.run(
        f"CREATE OR REPLACE TABLE fresh AS FROM ({keys}) new ANTI JOIN seen USING (key) WHERE key IS NOT NULL"
    )
    engine.run("INSERT INTO seen FROM fresh")
    return bool(engine.all("SELECT 1 FROM fresh LIMIT 1"))
