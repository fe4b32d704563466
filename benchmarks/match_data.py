"""Makes the two files of `match` at any size: a year of sales at two providers, with its share of faults."""

from pathlib import Path

import duckdb

_YEAR_S = 365 * 86_400

_SALE = """
CREATE OR REPLACE VIEW sale AS
SELECT i, i % 5 IN (0, 1) AS at_tribute, i * 2654435761 % 4294967296 AS noise,
    (i * 2654435761 % 4294967296) % ({rows} // 8 + 1) AS buyer, (i * 40503 % 65536) % 12 AS product,
    make_timestamptz(1750000000000000 + i * {step_us}) AS paid_at,
    CASE WHEN i % 5 IN (0, 1)
        THEN substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-'
            || substr(h, 21, 12)
        ELSE (190000000 + i)::VARCHAR END AS ref,
    'order-' || lpad(i::VARCHAR, 9, '0') AS order_id,
    CASE WHEN fault < 100 THEN 'fallback' WHEN fault < 110 THEN 'no_order' WHEN fault < 120 THEN 'not_fulfilled'
        WHEN fault < 130 THEN 'amount' WHEN fault < 140 THEN 'missing' WHEN fault < 150 THEN 'again'
        WHEN fault < 160 THEN 'refunded' WHEN fault < 165 THEN 'taken_back' WHEN fault < 195 THEN 'failed'
        WHEN fault < 205 THEN 'unclaimed' ELSE '' END AS story
FROM (SELECT i, md5(i::VARCHAR) AS h, (i * 7919 + 13) % 10007 % 10000 AS fault FROM range({rows}) t(i))
"""
"""Each sale has one story, by a fixed scattering: 98 in 100 are plain, 1 in 100 lacks its reference in the shop."""

_CHARGES = """
SELECT CASE WHEN at_tribute THEN 'tribute' ELSE 'digiseller' END AS provider,
    ref || suffix AS ref, kind, status, parent_ref, NULL::VARCHAR AS order_ref, NULL::VARCHAR AS account_id,
    'buyer' || buyer || '@example.com' AS buyer_email,
    CASE WHEN at_tribute THEN (700000000 + buyer)::VARCHAR END AS telegram_user_id,
    CASE WHEN NOT at_tribute THEN (2000100 + product)::VARCHAR END AS product_id,
    (product + 1) * 500 AS amount_minor, CASE WHEN at_tribute THEN 'USD' ELSE 'WMZ' END AS currency,
    moment AS occurred_at, story != 'unclaimed' AS claimed
FROM (
    SELECT *, '' AS suffix, 'charge' AS kind, NULL AS parent_ref, paid_at AS moment,
        CASE WHEN story = 'failed' THEN 'failed' ELSE 'paid' END AS status FROM sale WHERE story != 'missing'
    UNION ALL
    SELECT *, CASE WHEN at_tribute THEN ':' || (500000 + i) ELSE '7' END, 'charge', NULL,
        paid_at + INTERVAL 4 MINUTE, 'paid' FROM sale WHERE story = 'again'
    UNION ALL
    SELECT *, ':back', 'refund', ref, paid_at + INTERVAL 3 DAY, 'completed'
    FROM sale WHERE story IN ('refunded', 'taken_back')
)
ORDER BY moment, ref
"""

_ORDERS = """
SELECT order_id, CASE WHEN at_tribute THEN 'tribute' ELSE 'digiseller' END AS provider,
    CASE WHEN story != 'fallback' THEN ref END AS provider_ref, 'account-' || buyer AS account_id,
    'buyer' || buyer || '@example.com' AS buyer_email,
    CASE WHEN at_tribute THEN (700000000 + buyer)::VARCHAR END AS telegram_user_id,
    CASE WHEN NOT at_tribute THEN (2000100 + product)::VARCHAR END AS product_id,
    (product + 1) * 500 + CASE WHEN story = 'amount' THEN 100 ELSE 0 END AS amount_minor, 'USD' AS currency,
    ((product + 1) * 100)::DECIMAL(18, 6) AS credits_ordered,
    CASE WHEN delivered THEN ((product + 1) * 100)::DECIMAL(18, 6) END AS credits,
    CASE WHEN delivered THEN (noise % 100)::DECIMAL(18, 6) END AS credits_used,
    CASE WHEN story = 'refunded' THEN 'refunded' WHEN delivered THEN 'delivered' ELSE 'pending' END AS status,
    paid_at - to_seconds(60 + noise % 120) AS created_at,
    CASE WHEN delivered THEN paid_at + to_seconds(30 + noise % 60) END AS delivered_at,
    paid_at + to_seconds(30 + noise % 60) AS updated_at
FROM (SELECT *, story NOT IN ('not_fulfilled', 'failed', 'unclaimed') AS delivered FROM sale WHERE story != 'no_order')
ORDER BY created_at, order_id
"""


def write(folder: Path, rows: int) -> tuple[Path, Path]:
    """`charges.parquet` and `orders.parquet` of about `rows` rows each; made once, always the same."""
    folder.mkdir(parents=True, exist_ok=True)
    charges, orders = folder / f"charges-{rows}.parquet", folder / f"orders-{rows}.parquet"
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(_SALE.format(rows=rows, step_us=_YEAR_S * 1_000_000 // rows))
        for path, query in ((charges, _CHARGES), (orders, _ORDERS)):
            if not path.exists():
                part = path.with_suffix(".part")
                connection.execute(f"COPY ({query}) TO '{part}' (FORMAT parquet, COMPRESSION zstd)")
                part.rename(path)
    return charges, orders
