"""A shop that exports CSV files is read in any usual form of them, and a bad line spoils only itself."""

import os

import pytest

from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Window
from tests.shop_tables import (
    CODE,
    LONG_AGO,
    NOW,
    account_row,
    csv_text,
    ledger,
    order_ids,
    order_row,
    orders,
    pages,
    payment_row,
    quarantined,
    states,
    without,
)

SINCE = NOW.replace(hour=9)


@pytest.fixture
def export(tmp_path):
    """Write `name`.csv into the shop's folder and return the ledger over it."""

    def write(content, name="orders", encoding="utf-8"):
        data = content if isinstance(content, bytes) else content.encode(encoding)
        (tmp_path / f"{name}.csv").write_bytes(data)
        return ledger(directory=str(tmp_path))

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_usual_encodings_and_delimiters_are_found_out(export, encoding, delimiter):
    rows = [order_row(account_id="Счёт №5", buyer_email="ЯНА@пример.рф")]
    [order] = orders(export(csv_text(rows, delimiter), encoding=encoding))
    assert (order.account_id, order.buyer_email, order.amount_minor) == ("Счёт №5", "яна@пример.рф", 125050)


def test_headers_are_taken_trimmed_and_in_any_case_and_order(export):
    first, *rest = csv_text([dict(reversed(order_row().items()))]).splitlines(keepends=True)
    shop = export(first.upper().replace(",", " , ") + "".join(rest).replace("\n", "\r\n"))
    assert order_ids(shop) == ["ORD-1"]


def test_accounts_and_payments_are_files_of_their_own(export):
    export(csv_text([order_row()]))
    export(csv_text([account_row()]), "accounts")
    shop = export(csv_text([payment_row(provider_ref="301.0")]), "payments")
    assert [account.email for page in pages(shop, "shop.accounts") for account in page.accounts] == ["anna@example.com"]
    assert [pay.provider_ref for page in pages(shop, "shop.payments") for pay in page.payments] == ["301"]


def test_missing_accounts_and_payments_are_no_fault(export):
    shop = export(csv_text([order_row()]))
    for feed in ("shop.accounts", "shop.payments"):
        [page] = pages(shop, feed)
        assert (page.accounts, page.payments, page.drained) == ((), (), Window(LONG_AGO, NOW))


def test_payments_are_a_whole_reading_only_if_all_of_them_were_there_and_understood(export, tmp_path):
    def whole(shop):
        return [page.snapshot for page in pages(shop, "shop.payments")] == [NOW]

    assert whole(export(csv_text([payment_row()]), "payments"))
    assert whole(export("order_id,provider,provider_ref\n", "payments")), "the shop ties none any more"
    assert not whole(export(csv_text([payment_row(), payment_row(provider="paypal")]), "payments"))
    (tmp_path / "payments.csv").unlink()
    assert not whole(ledger(directory=str(tmp_path))), "it may be missing while it is exported"


def test_only_changed_rows_are_read(export):
    rows = [
        order_row("old", updated_at="2026-11-22T11:59:59+03:00"),
        order_row("edge", updated_at="2026-11-22T12:00:00+03:00"),
        order_row("unreadable", updated_at="22.11.2026 08:00"),
    ]
    [page] = pages(export(csv_text(rows)), since=SINCE)
    assert [order.order_id for order in page.orders] == ["edge"]
    assert [bad.key for bad in page.quarantined] == ["unreadable"]


def test_a_time_without_zone_is_not_guessed_at(export):
    [bad] = quarantined(export(csv_text([order_row(created_at="2026-11-22 10:00:00")])))
    assert "has no zone" in bad.reason


def test_everything_is_text_and_nothing_is_taken_for_a_missing_value(export):
    [order] = orders(export(csv_text([order_row("007", account_id="NA", telegram_user_id="")])))
    assert (order.order_id, order.account_id, order.telegram_user_id) == ("007", "NA", None)


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_breaks(export):
    shop = export(csv_text([order_row("1", account_id='a,b "c"\nd'), order_row("2")]))
    assert [order.account_id for order in orders(shop)] == ['a,b "c"\nd', "A-1"]


def test_a_row_cut_off_at_the_end_is_set_aside_without_a_wrong_id(export):
    whole = csv_text([order_row("ORD-1"), order_row("ORD-22")])
    for cut in (whole[: whole.index("ORD-22") + 5], whole[: whole.index("ORD-22") + 40]):
        shop = export(cut)
        assert order_ids(shop) == ["ORD-1"]
        assert "cells, the header 17" in quarantined(shop)[0].reason
        assert quarantined(shop)[0].key != "ORD-2"
    assert quarantined(shop)[0].key == "ORD-22"


def test_a_row_with_too_many_cells_is_set_aside_without_its_code(export):
    rows = csv_text([order_row("1"), order_row("2"), order_row("3")]).splitlines()
    rows[2] = rows[2].replace("2,digiseller,", "2,digi,seller,")
    shop = export("\n".join(rows))
    assert order_ids(shop) == ["1", "3"]
    [bad] = quarantined(shop)
    assert (bad.key, bad.reason) == ("2", "the row has 18 cells, the header 17")
    assert CODE not in repr(bad)


@pytest.mark.parametrize("account", ['"A-1', 'A"-1"', '"A"-1'])
def test_a_stray_quote_does_not_swallow_the_rows_after_it(export, account):
    rows = csv_text([order_row("1"), order_row("2"), order_row("3"), order_row("4")]).splitlines(keepends=True)
    rows[2] = rows[2].replace("A-1", account)
    shop = export("".join(rows))
    got = [*order_ids(shop), *(bad.key for bad in quarantined(shop))]
    assert sorted(got) == ["1", "2", "3", "4"]
    assert {"1", "3", "4"} <= set(order_ids(shop))


def test_a_character_cut_off_at_the_end_does_not_change_the_encoding(export):
    data = csv_text([order_row("1", account_id="Яна"), order_row("2")]).encode() + "3,Я".encode()[:-1]
    shop = export(data)
    assert [order.account_id for order in orders(shop)] == ["Яна", "A-1"]
    assert len(quarantined(shop)) == 1


def test_blank_lines_hold_nothing(export):
    shop = export(csv_text([order_row("1")]) + "\n" + "," * 16 + "\n\n")
    assert order_ids(shop) == ["1"]
    assert quarantined(shop) == []


def test_long_files_come_in_pages(export):
    shop = export(csv_text([order_row(str(number)) for number in range(4001)]))
    assert [len(page.orders) for page in pages(shop)] == [2000, 2000, 1]


def test_a_file_changed_while_it_is_read_claims_nothing(export, tmp_path):
    shop = export(csv_text([order_row(str(number)) for number in range(6000)]))
    reading = iter(shop.feeds()[0].fetch(Window(LONG_AGO, NOW)))
    first = next(reading)
    assert first.drained is None
    with (tmp_path / "orders.csv").open("a") as file:
        file.write("more")
    with pytest.raises(Retryable, match="changed while it was read"):
        list(reading)


def test_a_file_replaced_by_a_rename_is_read_to_its_old_end(export, tmp_path):
    shop = export(csv_text([order_row(str(number)) for number in range(6000)]))
    reading = iter(shop.feeds()[0].fetch(Window(LONG_AGO, NOW)))
    next(reading)
    (tmp_path / "new").write_text(csv_text([order_row("x")]))
    os.replace(tmp_path / "new", tmp_path / "orders.csv")
    assert [page.drained is not None for page in reading] == [False, True]


def test_an_empty_file_may_be_just_being_written(export):
    with pytest.raises(Retryable, match=r"orders\.csv is empty"):
        pages(export(""))


def test_a_header_alone_is_a_shop_without_orders(export):
    [page] = pages(export(csv_text([order_row()]).splitlines()[0]))
    assert (page.orders, page.drained) == ((), Window(LONG_AGO, NOW))


def test_a_missing_column_or_one_given_twice_calls_a_person(export):
    with pytest.raises(NeedsOperator, match=r"orders\.csv has no column updated_at"):
        pages(export(csv_text([without(order_row(), "updated_at")])))
    with pytest.raises(NeedsOperator, match=r"orders\.csv has column amount twice"):
        pages(export(csv_text([order_row(amount_2="1")]).replace("amount_2", "AMOUNT", 1)))


def test_a_missing_folder_or_file_calls_a_person(tmp_path):
    with pytest.raises(NeedsOperator, match=r"orders\.csv is not there"):
        pages(ledger(directory=str(tmp_path)))
    with pytest.raises(NeedsOperator, match=r"none is not there: check \[shop\] directory"):
        pages(ledger(directory=str(tmp_path / "none")), "shop.accounts")


def test_the_check_speaks_of_files_and_writes_none(export, tmp_path):
    shop = export(csv_text([order_row()]))
    assert states(shop) == {
        "shop orders": "ok",
        "shop accounts": "warning",
        "shop payments": "ok",
        "shop rights": "warning",
    }
    assert [file.name for file in tmp_path.iterdir()] == ["orders.csv"]
