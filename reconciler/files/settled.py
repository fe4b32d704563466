"""Joins the two inputs once, and sets aside the pairs that nothing can be said about: they agree in everything.

Such a pair is tied by its reference and never looked at again; the plan and the detectors get the other rows, and
of the pairs those that could bear on one of them. What comes out is what the plan over all rows would give.
"""

from reconciler.files.engine import DuckEngine, quoted
from reconciler.files.shapes import CHARGES
from reconciler.files.sources import unclean
from reconciler.matching.terms import Terms

UUID_FORM = "________-____-____-____-____________"
SHARED = f"provider = 'tribute' AND ref LIKE '{UUID_FORM}%'"
"""Charges of a provider's order that several charges may share, by the form of their ref."""
SET_ASIDE = "pair ANTI JOIN watched ON id = pair.rowid"
"""The pairs that need no look, as a FROM clause."""
ROW_BYTES = 200
"""What an order takes up in the join, roughly: its text is most of it."""


def join(engine: DuckEngine, terms: Terms) -> bool:
    """Fill `pair` with every row of both inputs, joined by reference; False when text is not in clean form.

    Providers and currencies are few: as an enumeration they take a byte each. Rows that would fill more than half of
    the memory are joined in parts: reading the files again costs less than what the join would put on disk.
    """
    few = ", ".join(CHARGES.few)
    engine.run(
        f"CREATE OR REPLACE TABLE said AS SELECT DISTINCT {few} FROM charges UNION SELECT DISTINCT {few} FROM orders"
    )
    spaced = " OR ".join(unclean(name) for name in CHARGES.few)
    if engine.all(f"SELECT 1 FROM said WHERE {spaced} OR currency != upper(currency) LIMIT 1"):
        return False
    listed = ", ".join(f"({quoted(iso)})" for iso in sorted({*_known(terms).values()}))
    engine.run(
        "CREATE OR REPLACE TYPE word AS ENUM (SELECT provider FROM said WHERE provider IS NOT NULL UNION "
        f"SELECT currency FROM said UNION VALUES {listed} ORDER BY ALL)"
    )
    parts = engine.all(
        f"SELECT 1 + count(*) * {ROW_BYTES} * 2 // parse_formatted_bytes(current_setting('memory_limit')) FROM orders"
    )[0][0]
    for part in range(parts):
        into = "INSERT INTO pair" if part else "CREATE OR REPLACE TABLE pair AS"
        engine.run(into + _PAIR.format(money=money(terms), parts=parts, part=part, **_form(terms)))
    return not engine.all("SELECT 1 FROM pair WHERE untidy LIMIT 1")


def set_aside(engine: DuckEngine, *, watch_all: bool = False) -> None:
    """Fill `watched` with the pairs that are worth a look; with `watch_all` these are all of them."""
    engine.run(f"CREATE TABLE watched AS SELECT rowid AS id FROM pair WHERE NOT plain OR {watch_all}")
    if not watch_all:
        engine.run(_DOUBTED)
        if not engine.all(_ONE_TO_ONE)[0][0]:
            engine.run(_REPEATED)
        _close(engine)


def money(terms: Terms) -> str:
    """SQL of `money.comparable`: the currency that the amounts of a row may be compared in, or NULL."""
    cases = " ".join(f"WHEN currency = '{code}' THEN '{iso}'" for code, iso in sorted(_known(terms).items()))
    return f"CASE {cases} WHEN currency LIKE 'WM%' THEN NULL ELSE currency END"


def _known(terms: Terms) -> dict[str, str]:
    return {"RUR": "RUB", **terms.equivalents}


def _form(terms: Terms) -> dict[str, object]:
    """The parts of the join: which fields have to agree, and the numbers that stand for what rows share.

    What equals the order's text is as clean as that: of charges only the other text has to be looked at.
    """
    stated = ("account_id", "telegram_user_id", "buyer_email", "product_id")
    agree = " AND ".join(f"(c.{name} = o.{name} OR c.{name} IS NULL OR o.{name} IS NULL)" for name in stated)
    same = {"ref": "provider_ref", **{name: name for name in stated}}
    doubt = " OR ".join(
        f"CASE WHEN c.{mine} = o.{its} THEN false ELSE {unclean(f'c.{mine}')} END" for mine, its in same.items()
    )
    keys = ", ".join(
        f"CASE WHEN {name} IS NOT NULL THEN (xor(hash({name}), base) >> 32)::UINTEGER END AS by_{name}"
        for name in stated[:3]
    )
    return {"agree": agree, "keys": keys, "tolerance": terms.tolerance_minor, "doubt": doubt}


_PAIR = f"""
SELECT c.row AS charge_row, o.row AS order_row, c.provider, coalesce(c.ref, o.provider_ref) AS ref, o.order_id,
    c.currency, c.amount_minor, c.occurred_us, c.by_account_id, c.by_telegram_user_id, c.by_buyer_email,
    coalesce(o.untidy, false) OR coalesce(c.untidy OR (NOT c.clean AND ({{doubt}})), false) AS untidy,
    coalesce(
        o.whole AND c.money = o.money AND {{agree}}
        AND c.amount_minor - o.amount_minor BETWEEN -{{tolerance}} AND {{tolerance}}
        AND (c.single OR c.order_ref = o.order_id),
        false) AS plain
FROM (
    SELECT row::UINTEGER AS row, provider::word AS provider, ref, currency::word AS currency,
        ({{money}})::word AS money, amount_minor, occurred_at AS occurred_us, account_id, telegram_user_id, buyer_email,
        product_id, order_ref, clean, untidy, {{keys}},
        CASE WHEN kind = 'charge' AND status = 'paid' THEN ref END AS paid_ref,
        provider != 'tribute' OR (strlen(ref) = {len(UUID_FORM)} AND order_ref IS NULL) OR NOT ({SHARED}) AS single
    FROM (SELECT *, hash(amount_minor, currency, provider) AS base FROM charges WHERE hash(ref) % {{parts}} = {{part}})
) c
FULL JOIN (
    SELECT row::UINTEGER AS row, order_id, provider::word AS provider, provider_ref, ({{money}})::word AS money,
        amount_minor, account_id, telegram_user_id, buyer_email, product_id, untidy,
        status = 'delivered' AND (credits >= credits_ordered OR credits IS NULL OR credits_ordered IS NULL) AS whole
    FROM orders WHERE hash(provider_ref) % {{parts}} = {{part}}
) o ON o.provider_ref = c.paid_ref AND o.provider = c.provider
"""
"""An order that names no provider is left alone here: `ref` says what it names, for its charge to be looked at."""

_DOUBTED = f"""
INSERT INTO watched
WITH loose AS (SELECT ref FROM pair WHERE NOT plain), doubted AS (
    FROM loose UNION SELECT ref[:{len(UUID_FORM)}] FROM loose
    UNION SELECT parent_ref FROM charges WHERE kind != 'charge'
)
SELECT pair.rowid FROM pair SEMI JOIN doubted USING (ref) WHERE plain
"""
"""Charges that were reversed, that share their order with others, or that something else has the reference of."""

_ONE_TO_ONE = """
SELECT count(*) + count(*) FILTER (charge_row IS NOT NULL AND order_row IS NOT NULL)
        = (SELECT count(*) FROM charges) + (SELECT count(*) FROM orders)
    AND count(DISTINCT hash(order_id)) FILTER (order_id IS NOT NULL) = count(order_id)
FROM pair
"""
"""Whether every row is in one pair at most, and no order id comes twice: counting is cheaper than grouping."""

_REPEATED = """
INSERT INTO watched
SELECT rowid FROM pair
WHERE plain AND rowid NOT IN (SELECT id FROM watched) AND (
    charge_row IN (SELECT charge_row FROM pair WHERE charge_row IS NOT NULL GROUP BY ALL HAVING count(*) > 1)
    OR order_id IN (SELECT order_id FROM pair WHERE order_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1))
"""
"""Charges that several orders name, orders that several charges name, ids that come twice."""

_BUYERS = ("by_account_id", "by_telegram_user_id", "by_buyer_email")


def _close(engine: DuckEngine) -> None:
    """Add the plain pairs that bear on a watched row, until there are no more.

    A repeat of a watched charge may be any charge of the same buyer, amount and currency, and what a watched charge
    echoes may be any order. The keys are hashes: a chance meeting only adds a pair that needed no look.
    """
    engine.run("CREATE TABLE seen (key UBIGINT)")
    while _see(engine):
        found = " UNION ".join(
            f"SELECT pair.rowid AS id FROM pair SEMI JOIN fresh ON key = {name} WHERE plain"
            for name in (*_BUYERS, "hash(order_id)")
        )
        engine.run(f"INSERT INTO watched FROM ({found}) new ANTI JOIN watched USING (id)")


def _see(engine: DuckEngine) -> bool:
    """Put what watched charges share with others into `fresh`, as far as it is new; whether there is any."""
    looked_at = "FROM pair SEMI JOIN watched ON id = pair.rowid"
    keys = " UNION ".join(f"SELECT {name} AS key {looked_at}" for name in _BUYERS)
    echoes = (
        f"SELECT hash(order_ref) FROM charges WHERE order_ref IS NOT NULL AND row IN (SELECT charge_row {looked_at})"
    )
    engine.run(
        f"CREATE OR REPLACE TABLE fresh AS FROM ({keys} UNION {echoes}) new ANTI JOIN seen USING (key) "
        "WHERE key IS NOT NULL"
    )
    engine.run("INSERT INTO seen FROM fresh")
    return bool(engine.all("SELECT 1 FROM fresh LIMIT 1"))
