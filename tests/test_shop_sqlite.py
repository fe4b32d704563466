"""A shop that keeps its ledger in SQLite is read whole and by change, in every form of time, and never written."""

import hashlib
import sqlite3
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.shop import spool
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Window
from tests.shop_tables import (
    LONG_AGO,
    NOW,
    account_row,
    ledger,
    order_ids,
    order_row,
    orders,
    pages,
    payment_row,
    quarantined,
    sqlite_shop,
    without,
)

SINCE = NOW.replace(hour=9)

SAME_TIME = [  # all are 09:00 UTC on 22 November 2026
    "2026-11-22T09:00:00Z",
    "2026-11-22 09:00:00",
    "2026-11-22 09:00:00.000000",
    "2026-11-22T12:00:00+03:00",
    "2026-11-21T21:00:00-12:00",
    "2026-11-22 23:00+1400",
    "20261122T090000Z",
    " 2026-11-22T09:00:00Z",
    1795338000,
    1795338000.0,
    1795338000000,
]
JUST_BEFORE = [
    "2026-11-22T08:59:59Z",
    "2026-11-22 08:59:59",
    "2026-11-22T11:59:59+03:00",
    "2026-11-22T22:59:59+14:00",
    "2026-11-21T20:59:59-12:00",
    1795337999,
]


def test_orders_accounts_and_payments_are_read(tmp_path):
    shop = ledger(
        url=sqlite_shop(tmp_path / "shop.db", orders=[order_row()], accounts=[account_row()], payments=[payment_row()])
    )
    assert [feed.name for feed in shop.feeds()] == ["shop.orders", "shop.accounts", "shop.payments"]
    assert [feed.main for feed in shop.feeds()] == [True, False, False]
    assert order_ids(shop) == ["ORD-1"]
    assert [account.account_id for page in pages(shop, "shop.accounts") for account in page.accounts] == ["A-1"]
    assert [pay.provider_ref for page in pages(shop, "shop.payments") for pay in page.payments] == ["301"]


@pytest.mark.parametrize(
    "types",
    [
        {},
        {"amount": "NUMERIC", "updated_at": "TIMESTAMP", "created_at": "DATETIME"},
        {"amount": "REAL", "account_id": "REAL", "provider_ref": "INTEGER", "credits": "REAL"},
        {"amount": "TEXT", "updated_at": "TEXT", "telegram_user_id": "INTEGER"},
    ],
)
def test_declared_types_change_nothing(tmp_path, types):
    row = order_row(account_id="5", amount="19.99")
    url = sqlite_shop(tmp_path / "shop.db", types, orders=[row])
    [got] = orders(ledger(url=url), since=SINCE)
    assert (got.amount_minor, got.account_id, got.provider_ref) == (1999, "5", "301")
    assert (got.credits_micro, got.telegram_user_id, got.updated_at.hour) == (10**9, "777", 10)


@pytest.mark.parametrize("declared", ["", "TEXT", "TIMESTAMP"])
def test_no_form_of_a_time_hides_a_changed_row(tmp_path, declared):
    changed = [order_row(f"new{index}", updated_at=value) for index, value in enumerate(SAME_TIME)]
    old = [order_row(f"old{index}", updated_at=value) for index, value in enumerate(JUST_BEFORE)]
    url = sqlite_shop(tmp_path / "shop.db", {"updated_at": declared}, orders=changed + old)
    assert order_ids(ledger(url=url), since=SINCE) == [row["order_id"] for row in changed]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    since=st.datetimes(min_value=LONG_AGO.replace(tzinfo=None), max_value=NOW.replace(tzinfo=None)),
    distance_s=st.integers(-100_000, 100_000),
    offset_min=st.integers(-1439, 1439),
    separator=st.sampled_from(["T", " "]),
)
def test_any_time_with_any_offset_is_compared_as_a_time(tmp_path, since, distance_s, offset_min, separator):
    since = since.replace(tzinfo=NOW.tzinfo)
    changed = since + timedelta(seconds=distance_s)
    sign = "-" if offset_min < 0 else "+"
    zone = f"{sign}{abs(offset_min) // 60:02}:{abs(offset_min) % 60:02}"
    local = (changed.replace(tzinfo=None) + timedelta(minutes=offset_min)).isoformat(sep=separator)
    (tmp_path / "shop.db").unlink(missing_ok=True)
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row(updated_at=local + zone)])
    assert order_ids(ledger(url=url), since=since) == (["ORD-1"] if changed >= since else [])


def test_a_row_whose_time_cannot_be_read_is_never_passed_over(tmp_path):
    bad = [order_row(str(index), updated_at=value) for index, value in enumerate(["01.01.2020 10:00", "", None, "x"])]
    shop = ledger(url=sqlite_shop(tmp_path / "shop.db", orders=bad))
    [page] = pages(shop, since=SINCE)
    assert [row.key for row in page.quarantined] == ["0", "1", "2", "3"]
    assert all(row.reason.startswith("updated_at: ") for row in page.quarantined)


def test_a_bad_row_is_set_aside_and_the_others_go_on(tmp_path):
    rows = [order_row("1"), order_row("2", status="shipped"), order_row("3", amount="free"), order_row("4")]
    shop = ledger(url=sqlite_shop(tmp_path / "shop.db", orders=rows))
    assert order_ids(shop) == ["1", "4"]
    assert [(bad.source, bad.key) for bad in quarantined(shop)] == [("shop.orders", "2"), ("shop.orders", "3")]
    assert "'shipped'" in quarantined(shop)[0].reason


def test_text_that_is_no_utf8_spoils_its_own_row_only(tmp_path):
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row("1"), order_row("2")])
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("UPDATE orders SET account_id = CAST(x'ff61' AS TEXT) WHERE order_id = '2'")
    connection.commit()
    connection.close()
    shop = ledger(url=url)
    assert order_ids(shop) == ["1"]
    assert [bad.key for bad in quarantined(shop)] == ["2"]


def test_payments_are_read_whole_each_time(tmp_path):
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row()], payments=[payment_row(), payment_row("ORD-2")])
    [page] = pages(ledger(url=url), "shop.payments", since=NOW)
    assert [pay.order_id for pay in page.payments] == ["ORD-1", "ORD-2"]
    assert len({raw.key for raw in page.raws}) == 2


def test_completeness_is_the_start_of_the_read_and_not_its_newest_row(tmp_path):
    ticks = iter(NOW + timedelta(seconds=second) for second in range(9))
    shop = ledger(now=lambda: next(ticks), url=sqlite_shop(tmp_path / "shop.db", orders=[order_row()]))
    [page] = list(shop.feeds()[0].fetch(Window(SINCE, NOW + timedelta(days=1))))
    assert page.drained == Window(SINCE, NOW)


def test_a_quiet_shop_still_proves_its_completeness(tmp_path):
    shop = ledger(url=sqlite_shop(tmp_path / "shop.db", orders=[order_row()], accounts=[account_row()]))
    [page] = pages(shop, since=NOW)
    assert (page.orders, page.drained) == ((), Window(NOW, NOW))
    [absent] = pages(shop, "shop.payments")
    assert (absent.payments, absent.drained) == ((), Window(LONG_AGO, NOW))


def test_long_ledgers_come_in_pages_and_only_the_last_one_claims_the_window(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)  # so that the rows go through a file
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row(str(number)) for number in range(4500)])
    got = pages(ledger(url=url))
    assert [len(page.orders) for page in got] == [2000, 2000, 500]
    assert [order.order_id for page in got for order in page.orders] == [str(number) for number in range(4500)]
    assert [page.drained is None for page in got] == [True, True, False]


def test_the_shop_can_write_while_our_pages_are_being_stored(tmp_path):
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row(str(number)) for number in range(4500)])
    reading = iter(ledger(url=url).feeds()[0].fetch(Window(LONG_AGO, NOW)))
    next(reading)
    writer = sqlite3.connect(tmp_path / "shop.db", timeout=0)
    writer.execute("DELETE FROM orders")
    writer.commit()
    writer.close()
    assert sum(len(page.orders) for page in reading) == 2500


def test_reading_does_not_change_a_byte(tmp_path):
    path = tmp_path / "shop.db"
    shop = ledger(url=sqlite_shop(path, orders=[order_row()], accounts=[account_row()]))
    before = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns
    for feed in ("shop.orders", "shop.accounts", "shop.payments"):
        pages(shop, feed)
    list(shop.check())
    shop.close()
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == ["shop.db"]


@pytest.mark.parametrize("query", ["DELETE FROM orders", "x) q; DELETE FROM orders; --", "WITH d AS (SELECT 1) DELETE"])
def test_a_query_that_would_write_is_refused(tmp_path, query):
    path = tmp_path / "shop.db"
    shop = ledger(url=sqlite_shop(path, orders=[order_row()]), orders_query=query)
    with pytest.raises(NeedsOperator):
        pages(shop)
    assert order_ids(ledger(url=f"sqlite:///{path}")) == ["ORD-1"]


def test_a_shop_in_wal_mode_is_read_with_its_latest_rows(tmp_path):
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row("1")])
    writer = sqlite3.connect(tmp_path / "shop.db")
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO orders SELECT * FROM orders")
    writer.commit()
    assert order_ids(ledger(url=url)) == ["1", "1"]
    writer.close()


def test_queries_name_the_columns_of_other_tables(tmp_path):
    path = tmp_path / "shop.db"
    url = sqlite_shop(path, bought=[{**without(order_row("7"), "order_id"), "Number": "7"}])
    query = """
        SELECT Number AS Order_ID, bought.*, 'a:b' AS note, ':x' AS bind, '100%' AS share
        FROM bought WHERE status LIKE 'deliver%' AND created_at > '2020-01-01 00:00:00'; -- all of them;
    """
    with pytest.raises(NeedsOperator):  # the semicolon before the comment is not ours to cut
        pages(ledger(url=url, orders_query=query))
    shop = ledger(url=url, orders_query=query.replace("; --", " --"))
    assert order_ids(shop, since=SINCE) == ["7"]
    assert order_ids(ledger(url=url, orders_query="SELECT Number AS order_id, * FROM bought ; "), since=SINCE) == ["7"]


@pytest.mark.parametrize("column", ["order_id", "currency", "status", "created_at", "delivered_at", "updated_at"])
def test_a_missing_column_calls_a_person_and_is_named(tmp_path, column):
    shop = ledger(url=sqlite_shop(tmp_path / "shop.db", orders=[without(order_row(), column)]))
    with pytest.raises(NeedsOperator, match=f"table orders has no column {column}: .*orders_query"):
        pages(shop)


def test_an_amount_in_either_form_is_needed(tmp_path):
    shop = ledger(url=sqlite_shop(tmp_path / "shop.db", orders=[without(order_row(), "amount")]))
    with pytest.raises(NeedsOperator, match="no column amount or amount_minor"):
        pages(shop)


def test_accounts_without_their_time_of_change_call_a_person(tmp_path):
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row()], accounts=[without(account_row(), "updated_at")])
    with pytest.raises(NeedsOperator, match="table accounts has no column updated_at"):
        pages(ledger(url=url), "shop.accounts")


def test_a_missing_table_of_orders_calls_a_person(tmp_path):
    with pytest.raises(NeedsOperator, match="table orders is not there"):
        pages(ledger(url=sqlite_shop(tmp_path / "shop.db", other=[order_row()])))


@pytest.mark.parametrize("url", ["sqlite:///{}/none.db", "sqlite:///{}", "sqlite://", "sqlite:///:memory:"])
def test_a_missing_file_calls_a_person_and_is_not_made(tmp_path, url):
    with pytest.raises(NeedsOperator, match=r"\[shop\] url"):
        pages(ledger(url=url.format(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_calls_a_person(tmp_path):
    (tmp_path / "shop.db").write_text("order_id,amount\n" * 100)
    with pytest.raises(NeedsOperator, match="not a database"):
        pages(ledger(url=f"sqlite:///{tmp_path}/shop.db"))


def test_a_locked_file_is_tried_again_later(tmp_path, monkeypatch):
    monkeypatch.setattr("providers.shop.connect.LOCK_TIMEOUT_S", 0)
    url = sqlite_shop(tmp_path / "shop.db", orders=[order_row()])
    writer = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Retryable, match="locked"):
        pages(ledger(url=url))
    writer.execute("COMMIT")
    assert order_ids(ledger(url=url)) == ["ORD-1"]
    writer.close()


def test_the_address_may_be_a_file_uri_but_stays_read_only(tmp_path):
    sqlite_shop(tmp_path / "shop.db", orders=[order_row()])
    shop = ledger(url=f"sqlite:///file:{tmp_path}/shop.db?mode=rwc&uri=true")
    assert order_ids(shop) == ["ORD-1"]
    with pytest.raises(NeedsOperator, match="not there"):
        pages(ledger(url=f"sqlite:///file:{tmp_path}/none.db?mode=rwc&uri=true"))
    assert [file.name for file in tmp_path.iterdir()] == ["shop.db"]
