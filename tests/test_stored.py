"""A stored record gives the facts that it gave when it was read, however the source had written it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from providers import NAMES
from providers.base import Stored
from providers.imports import IMPORTERS
from providers.imports.mapping import Values
from providers.shop import rows
from providers.stored import READERS, facts
from providers.tribute import charges, parse, records
from reconciler.errors import BadRecord
from reconciler.model import Page, RawRecord
from reconciler.text import body_text
from tests.shop_tables import account_row, order_row, payment_row
from tests.tribute_world import NOW, UUID, sample

CARD = "4111111111111111"
"""It passes for a card's number, and is an id here."""


def again(*raws: RawRecord) -> Page:
    """The facts of records as they come back from the store."""
    unit = [
        Stored(one.provider, one.source, one.key, json.loads(body_text(one.body)), one.read_at or NOW, one.how)
        for one in raws
    ]
    (page,) = facts(unit, lambda _provider, _ref: {})
    return page


def test_there_is_a_way_back_from_the_records_of_every_source() -> None:
    assert set(READERS) == {*NAMES, "shop"}


@pytest.mark.parametrize("source", ["digiseller.odd", "tribute.odd", "shop.odd", "import.odd", "odd.odd"])
def test_a_record_of_an_unknown_source_is_refused(source: str) -> None:
    with pytest.raises(BadRecord, match="nothing reads"):
        again(RawRecord(source.partition(".")[0], source, "1", {}))


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"order_id": CARD, "account_id": CARD, "provider_ref": CARD},
        {"order_id": 17, "account_id": 5.0, "telegram_user_id": 777.0, "product_id": Decimal("55.0")},
        {"amount": 12.5, "credits": 0.1, "credits_used": Decimal("0.000001")},
        {"amount": Decimal("12.50"), "unique_code": None, "buyer_email": " Anna@Example.COM "},
        {"created_at": datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=3)))},
        {
            "created_at": datetime(2026, 11, 22, 10, tzinfo=UTC).replace(tzinfo=None),
            "updated_at": 1_795_000_000,
            "delivered_at": 1_795_000_000_000,
        },
        {"provider": "tribute", "provider_ref": UUID.upper()},
    ],
    ids=str,
)
def test_an_order_of_the_shop_comes_back_as_it_was(cells: dict[str, Any]) -> None:
    row = order_row(**cells)
    assert again(rows.raw(rows.ORDERS, row)).orders == (rows.order(row),)


@pytest.mark.parametrize("cells", [{}, {"account_id": CARD}, {"account_id": 5.0, "balance": -0.5}], ids=str)
def test_an_account_comes_back_as_it_was(cells: dict[str, Any]) -> None:
    row = account_row(**cells)
    assert again(rows.raw(rows.ACCOUNTS, row)).accounts == (rows.account(row),)


@pytest.mark.parametrize("cells", [{}, {"order_id": CARD, "provider_ref": "123.0"}], ids=str)
def test_a_payment_comes_back_as_it_was(cells: dict[str, Any]) -> None:
    row = payment_row(**cells)
    assert again(rows.raw(rows.PAYMENTS, row)).payments == (rows.payment(row),)


@pytest.mark.parametrize(
    "changes",
    [{}, {"id": CARD}, {"amount": Decimal("1000.00"), "serviceFee": Decimal("10.50")}, {"amount": 999}],
    ids=str,
)
def test_an_order_of_tribute_comes_back_with_its_transactions(changes: dict[str, Any]) -> None:
    order = parse.shop_order(sample("api/get_shop_order.json") | {"customerId": "A-1", "telegramUserId": CARD})
    row = sample("api/get_shop_order_transactions.json")["transactions"][0] | changes
    live = charges.read(order, [row], NOW)
    page = again(*live.raws)
    assert (page.transactions, page.states) == (live.transactions, live.states)
    assert [one.reason for one in page.quarantined] == [one.reason for one in live.quarantined]


@pytest.mark.parametrize("make", [charges.postponed, lambda order: charges.unreadable(order, NOW, "refused")])
def test_an_order_whose_transactions_were_not_read_comes_back_as_such(make: Any) -> None:
    live = make(parse.shop_order(sample("api/get_shop_order.json")))
    page = again(*live.raws)
    assert (page.transactions, page.states) == (live.transactions, live.states)


def test_an_imported_row_comes_back_with_the_hash_of_its_code_and_the_zone_of_its_times() -> None:
    cells = {
        "ref": "5001", "occurred_at": "2026-11-22 10:00", "amount": "12.50", "currency": "WMZ", "returned": "1",
        "unique_code": "ABCDEFGH01234567",
    }  # fmt: skip
    importer = next(one for one in IMPORTERS if one.name == "digiseller")
    live = importer.read(Values(cells, ZoneInfo("Asia/Tokyo")), NOW)
    assert "ABCDEFGH01234567" not in str(live.raw.body)
    assert again(live.raw).transactions == live.facts
    assert live.facts[0] != importer.read(Values(cells, None), NOW).facts[0]


def test_a_record_that_became_unreadable_is_refused() -> None:
    raw = rows.raw(rows.ORDERS, order_row())
    with pytest.raises(BadRecord, match="currency"):
        again(replace(raw, body={**raw.body, "currency": "?"}))


def test_ids_stay_as_they_are_and_cards_do_not() -> None:
    kept = records.kept({"id": CARD, "transactionId": CARD, "comment": CARD, "paid": CARD})
    assert kept == {"id": CARD, "transactionId": CARD, "comment": "************1111", "paid": "************1111"}
