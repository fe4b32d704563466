"""The check of the shop's ledger says what is missing, once, and what to do; faults of databases are told apart."""

import sqlite3

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError, ProgrammingError

from providers.shop import rights
from providers.shop.faults import translate
from reconciler.errors import ConfigError, NeedsOperator, Retryable
from tests.shop_tables import (
    account_row,
    ledger,
    messages,
    order_row,
    pages,
    payment_row,
    sqlite_shop,
    states,
    without,
)

URL = make_url("postgresql+psycopg://anna:s3cret@db.example/shop?sslpassword=k3y")


def test_a_whole_shop_passes_but_its_file_could_be_written(tmp_path):
    url = sqlite_shop(tmp_path / "s.db", orders=[order_row()], accounts=[account_row()], payments=[payment_row()])
    assert states(ledger(url=url)) == {
        "shop orders": "ok",
        "shop accounts": "ok",
        "shop payments": "ok",
        "shop rights": "warning",
    }


def test_missing_optional_columns_are_reported_once_in_one_line(tmp_path):
    row = without(order_row(), "credits", "product_id")
    shop = ledger(url=sqlite_shop(tmp_path / "s.db", orders=[row, row], accounts=[account_row()]))
    lines = [line for line in shop.check() if "product_id" in line.message]
    assert len(lines) == 1
    assert (lines[0].state, "credits" in lines[0].message) == ("warning", True)


def test_a_missing_required_column_fails_and_the_other_tables_are_still_looked_at(tmp_path):
    row = without(order_row(), "updated_at")
    shop = ledger(url=sqlite_shop(tmp_path / "s.db", orders=[row], accounts=[account_row()]))
    assert states(shop)["shop orders"] == "failed"
    assert states(shop)["shop accounts"] == "ok"
    assert "updated_at" in messages(shop)


def test_missing_accounts_are_noted_and_missing_payments_are_fine(tmp_path):
    shop = ledger(url=sqlite_shop(tmp_path / "s.db", orders=[order_row()]))
    assert states(shop)["shop accounts"] == "warning"
    assert states(shop)["shop payments"] == "ok"


def test_rows_that_cannot_be_understood_are_shown_beside_missing_columns(tmp_path):
    row = without(order_row(status="shipped"), "credits")
    shop = ledger(url=sqlite_shop(tmp_path / "s.db", orders=[row]))
    assert states(shop)["shop orders"] == "warning+warning"
    assert "'shipped'" in messages(shop)
    assert "credits" in messages(shop)


def test_a_shop_that_cannot_be_reached_fails_without_a_traceback(tmp_path):
    assert states(ledger(url=f"sqlite:///{tmp_path}/none.db")) == {"shop": "failed"}
    assert states(ledger(url="postgresql+psycopg://a:b@127.0.0.1:1/x")) == {"shop": "failed"}
    assert states(ledger(directory=str(tmp_path / "none"))) == {"shop": "failed"}


def test_a_shop_without_an_address_or_with_a_wrong_one_is_refused():
    with pytest.raises(ConfigError, match="neither url nor directory"):
        ledger()
    for url in ("shop.db", "postgresql://anna:s3cret@host:port/x"):
        with pytest.raises(NeedsOperator) as caught:
            ledger(url=url)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql+nodriver://anna:s3cret@h/x", "pigeon://anna:s3cret@h/x"])
def test_a_missing_driver_calls_a_person(url):
    with pytest.raises(NeedsOperator, match="no driver here") as caught:
        pages(ledger(url=url))
    assert "s3cret" not in str(caught.value)


class ServerSays(Exception):
    """A driver's error with the state that PostgreSQL gives."""

    def __init__(self, message, sqlstate=None):
        super().__init__(message)
        self.sqlstate = sqlstate


def failed(kind, message, sqlstate=None, gone=False):
    return kind("SELECT 1", {}, ServerSays(message, sqlstate), connection_invalidated=gone)


@pytest.mark.parametrize(
    "error",
    [
        failed(OperationalError, "connection refused"),
        failed(OperationalError, "could not translate host name"),
        failed(OperationalError, "FATAL: the database system is starting up", "57P03"),
        failed(OperationalError, "sorry, too many clients already", "53300"),
        failed(OperationalError, "canceling statement due to lock timeout", "55P03"),
        failed(OperationalError, "canceling statement due to statement timeout", "57014"),
        failed(DBAPIError, "server closed the connection", gone=True),
        failed(OperationalError, "(2013, 'Lost connection to MySQL server during query')"),
        ConnectionResetError("connection reset"),
    ],
)
def test_passing_faults_are_tried_again(error):
    assert isinstance(translate(error, URL), Retryable)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (failed(OperationalError, 'FATAL: password authentication failed for user "anna"'), "user and password"),
        (failed(OperationalError, "(1045, \"Access denied for user 'anna'@'host'\")"), "user and password"),
        (failed(OperationalError, 'FATAL: no pg_hba.conf entry for host "1.2.3.4"'), "user and password"),
        (failed(ProgrammingError, "permission denied for table orders", "42501"), "GRANT SELECT"),
        (failed(ProgrammingError, "(1146, \"Table 'shop.orders' doesn't exist\")"), "check the table"),
        (failed(OperationalError, 'database "shop" does not exist', "3D000"), "check [shop] url"),
        (failed(ProgrammingError, "division by zero", "22012"), "queries"),
        (NoSuchModuleError("Can't load plugin: sqlalchemy.dialects:pigeon"), "install it"),
        (ModuleNotFoundError("No module named 'psycopg'"), "payment-reconciler[postgres]"),
    ],
)
def test_lasting_faults_call_a_person_and_say_what_to_do(error, advice):
    translated = translate(error, URL)
    assert isinstance(translated, NeedsOperator)
    assert advice in str(translated)


def test_sqlite_faults_are_told_apart_by_their_code():
    for name, kind in {
        "SQLITE_BUSY_SNAPSHOT": Retryable,
        "SQLITE_IOERR_READ": Retryable,
        "SQLITE_CORRUPT": NeedsOperator,
    }.items():
        error = sqlite3.OperationalError("x")
        error.sqlite_errorname = name
        assert isinstance(translate(OperationalError("SELECT 1", {}, error), make_url("sqlite:///s.db")), kind)


def test_passwords_never_stand_in_a_message():
    for secret in ("s3cret", "k3y"):
        for kind in (OperationalError, ProgrammingError):
            text = str(translate(failed(kind, f"bad dsn: password={secret} host\nand more"), URL))
            assert secret not in text
            assert "anna" not in text
            assert "\n" not in text


def test_grants_of_mysql_are_judged_by_what_they_allow():
    reading = ["GRANT USAGE ON *.* TO `r`@`%`", "GRANT SELECT, SHOW VIEW ON `update`.* TO `r`@`%`"]
    assert rights.of_grants(reading).state == "ok"
    for right in ("ALL PRIVILEGES", "SELECT, INSERT", "UPDATE (`status`)", "DELETE", "DROP"):
        check = rights.of_grants([*reading, f"GRANT {right} ON `shop`.* TO `r`@`%` IDENTIFIED BY PASSWORD 's3cret'"])
        assert check.state == "failed"
        assert "s3cret" not in check.message


def test_roles_of_mysql_hide_their_rights():
    assert rights.of_grants(["GRANT USAGE ON *.* TO `r`@`%`", "GRANT `readers`@`%` TO `r`@`%`"]).state == "warning"
