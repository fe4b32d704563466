"""Erasing in the store itself: bodies of webhooks, what is read afterwards, and what has to stay."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.model import Account, Page, Quarantined, RawRecord, Signal
from reconciler.schema import accounts, quarantine, raw_records, signals
from reconciler.schema_webhooks import webhooks
from reconciler.store.engine import read, write
from reconciler.store.erasure import Erased, erase
from reconciler.store.facts import save_page
from reconciler.store.inbox import take_in
from reconciler.webhooks import Arrival, Delivery, Event
from tests.builders import charge, order
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
EMAIL = "яна.k@example.com"
RAW = {"invoice_id": 7, "email": EMAIL.upper(), "ip": "10.0.0.1", "amount": "1.50"}


def page(email: str = EMAIL, **more: Any) -> Page:
    """What a pull brings about the buyer."""
    return Page(
        "x",
        transactions=(charge("7", buyer_email=email, telegram_user_id="777001"),),
        orders=(order("A", buyer_email=email),),
        accounts=(Account("u1", "active", NOW, email, "777001"),),
        signals=(Signal("digiseller", "7", "bad_review", True, NOW, f"I am {email}"),),
        raws=(RawRecord("digiseller", "digiseller.sales", "7", RAW),),
        quarantined=(Quarantined("digiseller", "s", "8", f"bad {email}", RAW),),
        **more,
    )


def erased(engine: sa.Engine) -> Erased:
    """Erase the buyer."""
    with write(engine) as connection:
        return erase(connection, EMAIL, "operator", NOW)


def everything(engine: sa.Engine) -> str:
    """All that is stored of facts, as one text."""
    return str([stored(engine, table) for table in (accounts, signals, quarantine, raw_records, webhooks)]).casefold()


def test_what_is_read_again_is_stored_under_the_pseudonym_and_once(engine: sa.Engine) -> None:
    with write(engine) as connection:
        save_page(connection, page(), NOW)
    name = erased(engine).pseudonym
    before = {table.name: stored(engine, table) for table in (accounts, signals, quarantine, raw_records)}
    with write(engine) as connection:
        save_page(connection, page(), NOW)
    assert {table.name: stored(engine, table) for table in (accounts, signals, quarantine, raw_records)} == before
    assert EMAIL not in everything(engine)
    assert "777001" not in everything(engine)
    (account,) = stored(engine, accounts)
    assert account.email == name
    (raw,) = stored(engine, raw_records)
    assert json.loads(raw.body) == RAW | {"email": name, "ip": "erased"}


def test_somebody_elses_data_stay_as_they_are(engine: sa.Engine) -> None:
    with write(engine) as connection:
        save_page(connection, page(f"a{EMAIL}"), NOW)
        save_page(connection, Page("x", accounts=(Account("u2", "active", NOW, EMAIL, None),)), NOW)
    before = stored(engine, signals)
    assert erased(engine).rows["accounts"] == 1
    assert stored(engine, signals) == before


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (b"", json.dumps({"payload": {"email": EMAIL, "telegram_user_id": 777001, "amount": 12.5}}).encode()),
        (b"", json.dumps({"payload": {"email": EMAIL, "telegram_user_id": 777001}}, ensure_ascii=False).encode()),
        (b"ID_I=7&Email=%D1%8F%D0%BD%D0%B0.k%40example.com", b""),
        (b"", "\udcff Email=яна.k@example.com".encode("utf-8", "surrogateescape")),
    ],
    ids=["escaped JSON", "plain JSON", "a query", "no text at all"],
)
def test_a_webhook_keeps_its_place_and_loses_the_buyer(engine: sa.Engine, query: bytes, body: bytes) -> None:
    delivery = Delivery("POST", query, ((b"x-from", b"me"),), body)
    with write(engine) as connection:
        save_page(connection, page(), NOW)
        take_in(connection, [Arrival(Event("tribute", "n", "k", "c", "7"), delivery, NOW)])
    name = erased(engine).pseudonym
    (row,) = stored(engine, webhooks)
    assert name in (row.body + row.query).decode("utf-8", "replace")
    assert "777001" not in everything(engine)
    assert (row.key, row.state, row.deliveries) == ("k", "waiting", 1)


def test_an_address_that_is_an_id_stays_and_is_counted(engine: sa.Engine) -> None:
    with write(engine) as connection:
        save_page(connection, Page("x", accounts=(Account(EMAIL, "active", NOW, EMAIL, None),)), NOW)
    done = erased(engine)
    assert (done.rows, done.left) == ({"accounts": 1}, {"accounts": 1})
    with read(engine) as connection:
        assert connection.execute(sa.select(accounts.c.account_id)).scalar() == EMAIL
