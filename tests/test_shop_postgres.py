"""A shop that keeps its ledger in PostgreSQL is read by its own types, cannot be written, and shows its rights."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from reconciler.errors import NeedsOperator, Retryable
from tests.shop_tables import (
    NOW,
    account_row,
    fill,
    ledger,
    messages,
    order_ids,
    order_row,
    orders,
    pages,
    payment_row,
    quarantined,
    states,
)

SINCE = NOW.replace(hour=9)
NATIVE = {
    "amount": "numeric(12, 2)",
    "credits": "numeric",
    "credits_ordered": "integer",
    "credits_used": "double precision",
    "provider_ref": "bigint",
    "created_at": "timestamptz",
    "delivered_at": "timestamptz",
    "updated_at": "timestamptz",
    "balance": "numeric",
}


def native(row):
    """The row with values that the driver can put into typed columns."""
    numbers = {name: float(row[name]) for name in ("amount", "credits", "credits_used", "balance") if name in row}
    whole = {name: int(row[name]) for name in ("credits_ordered", "provider_ref") if name in row}
    return {**row, **numbers, **whole}


@pytest.fixture
def shop_url(postgres_url):
    """A shop with one order, account and payment, in the database's own types."""
    fill(postgres_url, NATIVE, "text", orders=[native(order_row())], accounts=[native(account_row())])
    fill(postgres_url, {}, "text", payments=[payment_row()])
    return postgres_url


@pytest.fixture
def reader(shop_url):
    """A role that may only read the shop, as (url, function that runs statements as the owner)."""
    role = f"reader_{uuid.uuid4().hex[:12]}"
    run(shop_url, f"CREATE ROLE {role} LOGIN", f"GRANT SELECT ON orders, accounts, payments TO {role}")
    yield as_user(shop_url, role), lambda statement: run(shop_url, statement.replace("READER", role))
    run(shop_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def run(url, *statements):
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def as_user(url, role, password=None):
    return make_url(url).set(username=role, password=password).render_as_string(hide_password=False)


def test_native_types_are_read_exactly(shop_url):
    [order] = orders(ledger(url=shop_url))
    assert (order.amount_minor, order.provider_ref, order.credits_used_micro) == (125050, "301", 250_000)
    assert order.created_at == NOW.replace(hour=10)
    assert order.created_at.utcoffset() == timedelta(0)
    [page] = pages(ledger(url=shop_url), "shop.accounts")
    assert page.accounts[0].balance_micro == 999_750_000
    [page] = pages(ledger(url=shop_url), "shop.payments")
    assert page.payments[0].order_id == "ORD-1"


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "text"])
def test_only_changed_rows_are_read_whatever_the_type_of_the_time(postgres_url, kind):
    run(postgres_url, f"ALTER DATABASE {make_url(postgres_url).database} SET timezone = 'Asia/Vladivostok'")
    zone = "" if kind == "timestamp" else "Z"
    rows = [
        order_row("old", updated_at=f"2026-11-22T08:59:59{zone}"),
        order_row("edge", updated_at=f"2026-11-22T09:00:00{zone}"),
        order_row("new", updated_at=f"2026-11-22T11:00:00{zone}"),
    ]
    fill(postgres_url, {"updated_at": kind}, "text", orders=rows)
    assert order_ids(ledger(url=postgres_url), since=SINCE) == ["edge", "new"]


def test_epoch_numbers_are_compared_too(postgres_url):
    edge = int(SINCE.timestamp())
    rows = [order_row("old", updated_at=edge - 1), order_row("edge", updated_at=edge)]
    fill(postgres_url, {"updated_at": "bigint"}, "text", orders=rows)
    assert order_ids(ledger(url=postgres_url), since=SINCE) == ["edge"]


def test_an_endless_time_spoils_its_own_row_only(shop_url):
    run(shop_url, "INSERT INTO orders (order_id, updated_at) VALUES ('2', 'infinity'), ('3', NULL)")
    shop = ledger(url=shop_url)
    assert order_ids(shop, since=SINCE) == ["ORD-1"]
    assert [bad.key for page in pages(shop, since=SINCE) for bad in page.quarantined] == ["2", "3"]
    assert [bad.key for bad in quarantined(shop)] == ["2", "3"]


def test_long_ledgers_come_in_pages(postgres_url):
    fill(postgres_url, NATIVE, "text", orders=[native(order_row(str(number))) for number in range(2001)])
    assert [len(page.orders) for page in pages(ledger(url=postgres_url))] == [2000, 1]


def test_queries_with_casts_colons_and_shares_are_taken_as_they_are(shop_url):
    run(shop_url, "ALTER TABLE orders RENAME TO purchases")
    query = """
        SELECT *, now()::text AS cast_at, ':name' AS bind FROM purchases
        WHERE created_at > '2020-01-01 00:00:00'::timestamptz AND status LIKE 'deliver%' -- the rest is not ours
    """
    assert order_ids(ledger(url=shop_url, orders_query=query), since=SINCE) == ["ORD-1"]


def test_a_query_that_yields_a_column_twice_is_not_guessed_at(shop_url):
    with pytest.raises(NeedsOperator, match="orders_query has column account_id twice"):
        pages(ledger(url=shop_url, orders_query="SELECT *, 'x' AS account_id FROM orders"))


def test_a_function_that_writes_is_refused(shop_url):
    run(
        shop_url,
        "CREATE FUNCTION harm() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'",
    )
    with pytest.raises(NeedsOperator, match="read-only transaction"):
        pages(ledger(url=shop_url, orders_query="SELECT *, harm() AS h FROM orders"))
    assert order_ids(ledger(url=shop_url)) == ["ORD-1"]


def test_no_connection_stays_behind(shop_url):
    shop = ledger(url=shop_url)
    pages(shop)
    list(shop.check())
    engine = create_engine(shop_url, poolclass=NullPool)
    with engine.connect() as connection:
        count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert connection.execute(count).scalar() == 1


def test_a_role_that_can_only_read_passes_the_check(reader):
    url, _ = reader
    assert order_ids(ledger(url=url)) == ["ORD-1"]
    assert states(ledger(url=url)) == {
        "shop orders": "ok",
        "shop accounts": "ok",
        "shop payments": "ok",
        "shop rights": "ok",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT INSERT ON orders TO READER",
        "GRANT DELETE ON accounts TO READER",
        "GRANT TRUNCATE ON payments TO READER",
        "GRANT UPDATE (status) ON orders TO READER",
        "ALTER TABLE orders OWNER TO READER",
        "GRANT pg_write_all_data TO READER",
        "GRANT UPDATE ON orders TO PUBLIC",
    ],
)
def test_a_role_that_can_write_fails_the_check(reader, statement):
    url, as_owner = reader
    as_owner(statement)
    shop = ledger(url=url)
    assert states(shop)["shop rights"] == "failed"
    assert "GRANT SELECT" in messages(shop)


def test_a_superuser_fails_the_check(shop_url):
    assert "superuser" in messages(ledger(url=shop_url))
    assert states(ledger(url=shop_url))["shop rights"] == "failed"


def test_a_role_without_the_right_to_read_calls_a_person(reader):
    url, as_owner = reader
    as_owner("REVOKE SELECT ON orders FROM READER")
    with pytest.raises(NeedsOperator, match=r"permission denied.*GRANT SELECT"):
        pages(ledger(url=url))
    assert states(ledger(url=url))["shop"] == "failed"


def test_an_unknown_user_or_database_calls_a_person(postgres_url):
    with pytest.raises(NeedsOperator, match=r"nobody_here.*user and password"):
        pages(ledger(url=as_user(postgres_url, "nobody_here", "s3cret")))
    wrong = make_url(postgres_url).set(database="nothing_here").render_as_string(hide_password=False)
    with pytest.raises(NeedsOperator, match=r"nothing_here.*check \[shop\] url"):
        pages(ledger(url=wrong))


def test_a_missing_table_of_orders_calls_a_person(postgres_url):
    with pytest.raises(NeedsOperator, match="table orders is not there"):
        pages(ledger(url=postgres_url))
    with pytest.raises(NeedsOperator, match=r"bought.*does not exist.*query"):
        pages(ledger(url=postgres_url, orders_query="SELECT * FROM bought"))


def test_a_server_that_does_not_answer_is_tried_again_later():
    with pytest.raises(Retryable) as caught:
        pages(ledger(url="postgresql+psycopg://anna:s3cret@127.0.0.1:1/shop"))
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1/shop" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_locked_by_its_owner_is_tried_again_later(shop_url, monkeypatch):
    monkeypatch.setattr("providers.shop.connect._POSTGRES", ("SET LOCAL lock_timeout = '50ms'",))
    engine = create_engine(shop_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Retryable, match="lock timeout"):
            pages(ledger(url=shop_url))
