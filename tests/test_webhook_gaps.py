"""Webhooks and the pull hold each other to account: what is missing on either side becomes a feed gap."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.crosscheck import longest_silence, missed
from jobs.pull import Pull
from providers import build_receivers
from providers.digiseller import build as build_digiseller
from providers.simulators.digiseller import DigiSellerSimulator
from providers.simulators.digiseller_notices import notice
from providers.simulators.tribute import TributeSimulator
from providers.tribute import build as build_tribute
from reconciler.settings import DigiSellerSettings, Schedule, TributeSettings
from reconciler.store.engine import read, write
from reconciler.store.findings import get_finding, list_findings
from reconciler.store.webhook_gaps import beat, begin_reception
from tests.builders import NOW, UUID, ago
from tests.stores import engine, url
from tests.webhook_stage import shop_order
from tests.webhook_world import KEY, PASSWORD, Pushed, facts, sample_event, stored

__all__ = ["engine", "url"]
FIRST, SECOND = UUID.format(1), UUID.format(2)


@pytest.fixture
def tribute() -> Iterator[TributeSimulator]:
    with TributeSimulator(api_key=KEY, now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def digiseller() -> Iterator[DigiSellerSimulator]:
    with DigiSellerSimulator(api_key="k", seller_id=1, now=lambda: NOW) as simulator:
        simulator.switches.sells_limit = 0
        yield simulator


@pytest.fixture
def pushed(engine: sa.Engine, tribute: TributeSimulator, digiseller: DigiSellerSimulator) -> Iterator[Pushed]:
    made = Pushed(engine, now=ago(hours=6))
    made.world().complete()
    of_tribute = {"base_url": tribute.base_url, "api_key": KEY, "requests_per_second": 10_000}
    of_digiseller = {
        "base_url": digiseller.base_url, "api_key": "k", "seller_id": 1, "notification_password": PASSWORD,
        "sells_per_minute": 10_000, "requests_per_second": 10_000,
    }  # fmt: skip
    made.providers = [
        build_tribute(TributeSettings.model_validate(of_tribute), now=lambda: made.now, sleep=lambda _s: None),
        build_digiseller(DigiSellerSettings.model_validate(of_digiseller), now=lambda: made.now, sleep=lambda _s: None),
    ]
    yield made
    for provider in made.providers:
        provider.close()


def pull(pushed: Pushed) -> None:
    Pull(pushed.engine, Schedule(), lambda: pushed.now, lambda _line: None).run(pushed.providers, None)


def gaps(pushed: Pushed) -> list[tuple[Any, list[str]]]:
    return [(row["reason"], row["transaction_ids"]) for row in pushed.findings("feed_gap")]


def resolution(pushed: Pushed, finding: str) -> Any:
    with read(pushed.engine) as connection:
        found = get_finding(connection, finding)
    return found and found["resolution"]


# Paid by pull, untold by webhook


def test_nothing_is_expected_before_the_first_webhook_ever(pushed: Pushed, tribute: TributeSimulator) -> None:
    tribute.add_order(FIRST, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=5))
    pushed.now = NOW
    pull(pushed)
    assert gaps(pushed.work()) == []


def test_a_paid_order_without_its_webhook_is_a_gap_until_the_webhook_comes(
    pushed: Pushed, tribute: TributeSimulator
) -> None:
    pushed.receive({"test_event": "test_event"}).work()
    tribute.add_order(FIRST, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=5))
    tribute.add_order(SECOND, amount_minor=1000, currency="usd", status="paid", created_at=ago(minutes=10))
    pushed.now = NOW
    pull(pushed)
    assert gaps(pushed.work()) == [("no_webhook", [FIRST])]
    assert "resend" in pushed.findings("feed_gap")[0]["explanation"]
    pushed.receive(shop_order(FIRST)).work()
    assert gaps(pushed) == []
    with read(pushed.engine) as connection:
        gone = list_findings(connection, kind="feed_gap", status="resolved")
    assert [row["resolution"] for row in gone] == ["the webhooks that were missing came"]


def test_all_missing_events_of_a_day_are_one_finding(pushed: Pushed, tribute: TributeSimulator) -> None:
    pushed.receive({"test_event": "test_event"}).work()
    for number in range(2, 14):
        tribute.add_order(UUID.format(number), status="paid", created_at=ago(hours=5))
    pushed.now = NOW
    pull(pushed)
    ((reason, refs),) = gaps(pushed.work())
    assert (reason, len(refs)) == ("no_webhook", 12)


def test_a_later_period_without_its_webhook_is_a_gap_though_the_first_was_told(
    pushed: Pushed, tribute: TributeSimulator
) -> None:
    pushed.now = ago(days=2)
    tribute.add_order(FIRST, amount_minor=1000, currency="usd", status="paid", period="weekly", created_at=ago(days=2))
    pushed.receive(shop_order(FIRST, ago(days=2))).work()
    number = tribute.charge_again(FIRST, at=ago(hours=5))
    pushed.now = NOW
    pull(pushed)
    assert gaps(pushed.work()) == [("no_webhook", [f"{FIRST}:{number}"])]


def test_webhook_only_money_is_not_expected_from_the_pull(pushed: Pushed) -> None:
    pushed.receive(sample_event("new_digital_product"), sample_event("new_donation")).work()
    pushed.now = NOW
    assert gaps(pushed.work()) == []


# Told by webhook, denied by the API


def test_an_order_that_the_api_denies_is_a_gap_at_once_and_is_asked_about_four_times(
    pushed: Pushed, tribute: TributeSimulator
) -> None:
    pushed.receive(shop_order(FIRST)).work()
    assert gaps(pushed) == [("denied", [FIRST])]
    assert FIRST in facts(pushed.engine), "the money may be real"
    for _ in range(10):
        pushed.later(minutes=30).work()
    assert len(tribute.called(f"/api/v1/shop/orders/{FIRST}")) == 4
    assert stored(pushed.engine)[0]["due_at"] is None


def test_a_webhook_that_overtook_its_order_is_mended_by_the_next_look(
    pushed: Pushed, tribute: TributeSimulator
) -> None:
    pushed.receive(shop_order(FIRST)).work()
    tribute.add_order(FIRST, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=6))
    pushed.later(minutes=1).work()
    assert gaps(pushed) == []
    assert stored(pushed.engine)[0]["state"] == "done"


def test_a_provider_that_is_down_denies_nothing(pushed: Pushed, tribute: TributeSimulator) -> None:
    tribute.fault("/api/v1", "status", times=100)
    pushed.receive(shop_order(FIRST)).work()
    assert gaps(pushed) == []
    tribute.clear_faults()
    tribute.add_order(FIRST, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=6))
    pushed.later(minutes=2).work()
    assert stored(pushed.engine)[0]["state"] == "done"


# DigiSeller's notices are hints


def test_a_notice_has_its_invoice_read_and_a_forged_amount_has_no_effect(
    pushed: Pushed, digiseller: DigiSellerSimulator
) -> None:
    sale = digiseller.add_sale(ago(hours=6), product_id=2000101)
    said = notice(sale, PASSWORD, Amount=499, Currency="USD", Email="mallory@example.com")
    pushed.deliver("digiseller", json.dumps(said).encode()).work()
    row = facts(pushed.engine)[str(sale.invoice_id)]
    assert (row["amount_minor"], row["currency"], row["buyer_email"]) == (499, "WMZ", "buyer@example.com")
    assert stored(pushed.engine)[0]["state"] == "done"


def test_an_early_notice_is_read_again_until_the_invoice_is_paid(
    pushed: Pushed, digiseller: DigiSellerSimulator
) -> None:
    sale = digiseller.add_sale(ago(hours=6), state=1)
    said = json.dumps(notice(sale, PASSWORD)).encode()
    pushed.deliver("digiseller", said).deliver("digiseller", said).work()
    assert facts(pushed.engine)[str(sale.invoice_id)]["status"] == "pending"
    pushed.later(seconds=5).work().later(seconds=5).work()
    digiseller.change(sale.invoice_id, state=3)
    pushed.later(seconds=30).work()
    assert facts(pushed.engine)[str(sale.invoice_id)]["status"] == "paid"
    (row,) = stored(pushed.engine)
    assert (row["deliveries"], row["state"], row["due_at"]) == (2, "done", None)


def test_a_notice_about_no_invoice_of_ours_is_a_gap(pushed: Pushed, digiseller: DigiSellerSimulator) -> None:
    sale = digiseller.add_sale(ago(hours=6))
    said = notice(sale, PASSWORD)
    del digiseller.sales[sale.invoice_id]
    pushed.deliver("digiseller", json.dumps(said).encode()).work()
    assert gaps(pushed) == [("denied", [str(sale.invoice_id)])]


# Silence and downtime


def test_a_rhythm_needs_twenty_events_and_a_night() -> None:
    hourly = [NOW - timedelta(hours=hours) for hours in range(40)]
    assert longest_silence(hourly) == timedelta(hours=2)
    assert longest_silence(hourly[:19]) is None
    assert longest_silence([NOW - timedelta(minutes=minutes) for minutes in range(40)]) is None
    nightly = [at for at in hourly if not 0 <= at.hour < 8]
    assert longest_silence(nightly) == timedelta(hours=18)


def test_a_silence_that_the_rhythm_does_not_explain_is_a_gap_until_something_comes(pushed: Pushed) -> None:
    for hours in range(40, 0, -1):
        pushed.receive(sample_event("new_donation") | {"created_at": f"{hours}"}, at=ago(hours=hours))
    pushed.now = ago(minutes=30)
    assert gaps(pushed.work()) == []
    pushed.now = NOW + timedelta(hours=1, minutes=30)
    pushed.work()
    assert ("silent", []) in gaps(pushed)
    assert "send-test" in next(row for row in pushed.findings("feed_gap"))["explanation"]
    pushed.receive({"test_event": "test_event"}).work()
    assert ("silent", []) not in gaps(pushed)


def test_a_downtime_longer_than_the_retry_window_is_a_gap_and_a_shorter_one_is_none(pushed: Pushed) -> None:
    receivers = build_receivers(pushed.settings)

    def start(at: datetime) -> list[str]:
        with write(pushed.engine) as connection:
            number, before = begin_reception(connection, at)
            beat(connection, number, at + timedelta(minutes=5))
            return missed(connection, receivers, before, at)

    assert start(ago(days=9)) == []
    assert start(ago(days=7)) == [], "nothing ever came: there is nothing to miss"
    pushed.receive(sample_event("new_donation"), at=ago(days=7))
    assert start(ago(days=6.1)) == []
    assert start(ago(days=3)) == ["tribute"]
    pushed.now = NOW
    (finding,) = [row for row in pushed.work().findings("feed_gap") if row["reason"] == "downtime"]
    assert "2026-11-14 09:41 UTC to 2026-11-16 12:10 UTC" in finding["explanation"]
    assert "reconciler import tribute" in finding["explanation"]


def test_the_books_of_reception_are_kept(engine: sa.Engine) -> None:
    with write(engine) as connection:
        number, before = begin_reception(connection, ago(hours=2))
        assert before is None
        beat(connection, number, ago(hours=1))
    with write(engine) as connection:
        assert begin_reception(connection, NOW)[1] == ago(hours=1)
    with read(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM receptions").scalar_one() == 2
