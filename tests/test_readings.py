"""The log of what was read: it names what counts for a replay, and leaves out what shows nothing new."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from reconciler.model import ChargeState, Page, Payment, Quarantined, RawRecord, Window
from reconciler.schema import raw_records
from reconciler.schema_replay import kept_texts, readings
from reconciler.store.engine import write
from reconciler.store.facts import save_page
from reconciler.store.readings import members, units
from tests.builders import NOW
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]

FEED = "digiseller.sales"


def record(key: str = "1", amount: int = 5, **more: Any) -> RawRecord:
    """A row of the sales list."""
    return RawRecord("digiseller", FEED, key, {"amount": amount}, **more)


def read(engine: sa.Engine, *pages: Page) -> list[dict[str, Any]]:
    """Store pages a minute apart; returns what the log says of each that left something."""
    for place, page in enumerate(pages):
        with write(engine) as connection:
            save_page(connection, page, NOW + timedelta(minutes=place))
    return [json.loads(row.said) for row in stored(engine, readings)]


def test_a_page_leaves_what_is_new_and_nothing_when_it_comes_again(engine: sa.Engine) -> None:
    page = Page(FEED, raws=(record("1"), record("2"), record("3")))
    assert read(engine, page, page) == [{"looks": [[None, "1-3"]]}]


def test_a_record_that_goes_back_to_an_earlier_form_is_news(engine: sa.Engine) -> None:
    first, other = Page(FEED, raws=(record(amount=5),)), Page(FEED, raws=(record(amount=6),))
    said = read(engine, first, other, other, first, first)
    assert [one["looks"][0][1] for one in said] == ["1", "2", "1"]
    assert [row.current for row in stored(engine, raw_records)] == [True, False]


def test_a_record_in_two_forms_in_one_page_counts_in_the_order_of_the_page_each_time(engine: sa.Engine) -> None:
    page = Page(FEED, raws=(record(amount=5), record(amount=6)))
    said = read(engine, page, page)
    bodies = {row.id: row.body for row in stored(engine, raw_records)}
    assert len(said) == 2
    for one in said:
        shown = [id_ for unit in units(one["looks"][0][1]) for id_, _ in members(unit)]
        assert [bodies[id_] for id_ in shown] == ['{"amount":5}', '{"amount":6}']


def test_a_dated_look_counts_each_time_and_a_long_list_of_them_is_kept_once(engine: sa.Engine) -> None:
    def looked(minute: int) -> Page:
        at = NOW + timedelta(minutes=minute)
        return Page(FEED, raws=tuple(record(str(key), read_at=at) for key in range(100, 130)))

    said = read(engine, looked(0), looked(1), looked(2))
    assert [one["looks"][0][0] for one in said] == [
        int((NOW + timedelta(minutes=minute)).timestamp()) * 1_000_000 for minute in range(3)
    ]
    assert len({one["looks"][0][1] for one in said}) == 1
    assert len(stored(engine, kept_texts)) == 1


def test_records_of_one_order_stand_in_one_unit_with_the_letter_of_how_they_were_read(engine: sa.Engine) -> None:
    raws = (
        record("a", read_at=NOW),
        record("a:1", read_at=NOW),
        record("b", read_at=NOW, how="r"),
        record("c", how="p"),
    )
    (said,) = read(engine, Page(FEED, raws=raws))
    ids = {row.key: row.id for row in stored(engine, raw_records)}
    us = int(NOW.timestamp() * 1_000_000)
    assert said["looks"] == [[us, f"{ids['a']},{ids['a:1']};{ids['b']}r"], [None, f"{ids['c']}p"]]


def test_spans_of_units_are_read_as_they_were_written() -> None:
    assert list(units("3-5;7p;8,9")) == ["3", "4", "5", "7p", "8,9"]
    assert members("8,9r") == [(8, ""), (9, "r")]


def test_what_nobody_knows_is_noted_with_the_time(engine: sa.Engine) -> None:
    state = ChargeState("digiseller", "9", NOW, found=False)
    assert read(engine, Page(FEED, states=(state,))) == [
        {"missing": [["digiseller", "9", int(NOW.timestamp() * 1_000_000)]]}
    ]


def test_what_goes_into_quarantine_and_leaves_it_is_noted_once(engine: sa.Engine) -> None:
    held = Page(FEED, quarantined=(Quarantined("digiseller", FEED, "1", "no date", {}),))
    said = read(engine, held, held, Page(FEED, raws=(record(),)))
    assert said[0] == {"aside": [["digiseller", FEED, "1", "no date"]]}
    assert said[1]["released"] == [["digiseller", FEED, "1"]]
    assert len(said) == 2


def test_a_record_of_which_a_part_is_understood_stays_in_quarantine(engine: sa.Engine) -> None:
    held = Page(FEED, raws=(record(),), quarantined=(Quarantined("digiseller", FEED, "1", "no date", {}),))
    assert [one.get("released") for one in read(engine, held, held)] == [None]


def test_a_payment_that_the_shop_takes_away_and_brings_back_is_noted(engine: sa.Engine) -> None:
    payment, raw = Payment("A", "tribute", "u"), RawRecord("shop", "shop.payments", "A/tribute/u", {"order_id": "A"})
    there = Page("shop.payments", payments=(payment,), raws=(raw,), snapshot=NOW)
    drained = Window(NOW - timedelta(days=1), NOW)
    there, gone = replace(there, drained=drained), Page("shop.payments", snapshot=NOW, drained=drained)
    said = read(engine, there, there, gone, there)
    assert said == [{"looks": [[None, "1"]]}, {"gone": [["A", "tribute", "u"]]}, {"looks": [[None, "1"]]}]
