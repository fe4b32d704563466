"""What webhooks and the pull both tell is one fact, whichever comes first, and the API's word wins."""

from collections.abc import Callable

import pytest

from providers.simulators.tribute import TributeSimulator
from tests.builders import ago, order
from tests.stores import engine, url
from tests.webhook_stage import ORDER, pull, pushed, shop_order, shop_refund, tribute
from tests.webhook_world import Pushed, event, facts, stored

__all__ = ["engine", "pushed", "tribute", "url"]


def first_webhook(pushed: Pushed, tribute: TributeSimulator) -> None:
    pushed.receive(shop_order()).work()
    pull(pushed)


def first_pull(pushed: Pushed, tribute: TributeSimulator) -> None:
    pull(pushed)
    pushed.receive(shop_order()).work()


@pytest.mark.parametrize("come", [first_webhook, first_pull])
def test_an_order_told_by_webhook_and_by_pull_is_one_transaction(
    pushed: Pushed, tribute: TributeSimulator, come: Callable[[Pushed, TributeSimulator], None]
) -> None:
    tribute.add_order(ORDER, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=5))
    come(pushed, tribute)
    pushed.world().add(order("T1", ORDER, provider="tribute", product_id=None))
    assert list(facts(pushed.engine)) == [ORDER]
    assert facts(pushed.engine)[ORDER]["listed"]
    assert pushed.findings() == []
    assert [row["state"] for row in stored(pushed.engine)] == ["done"]


def test_a_webhook_before_the_order_shows_as_paid_waits_for_it(pushed: Pushed, tribute: TributeSimulator) -> None:
    tribute.add_order(ORDER, amount_minor=1000, currency="usd", created_at=ago(hours=5))
    pushed.receive(shop_order()).work()
    assert stored(pushed.engine)[0]["state"] == "looking"
    assert facts(pushed.engine)[ORDER]["status"] == "pending", "the API's word wins"
    tribute.pay(ORDER, at=ago(hours=4.9))
    pushed.later(minutes=1).work()
    assert stored(pushed.engine)[0]["state"] == "done"
    assert facts(pushed.engine)[ORDER]["status"] == "paid"


def test_an_order_that_never_shows_as_paid_is_asked_about_ten_times_at_most(
    pushed: Pushed, tribute: TributeSimulator
) -> None:
    tribute.add_order(ORDER, amount_minor=1000, currency="usd", created_at=ago(hours=5))
    pushed.receive(shop_order()).work()
    for _ in range(40):
        pushed.later(hours=2).work()
    assert len(tribute.called(f"/api/v1/shop/orders/{ORDER}")) == 9
    (finding,) = pushed.findings("feed_gap")
    assert (finding["reason"], finding["transaction_ids"]) == ("unconfirmed", [ORDER])


def test_a_later_period_is_the_transaction_that_the_api_shows(pushed: Pushed, tribute: TributeSimulator) -> None:
    tribute.add_order(
        ORDER, amount_minor=1000, currency="usd", status="paid", created_at=ago(days=31), period="monthly"
    )
    number = tribute.charge_again(ORDER, at=ago(hours=5))
    payload = shop_order()["payload"] | {"isRecurrent": True, "period": "monthly"}  # type: ignore[operator]
    pushed.receive(event("shop_order_charge_success", payload, ago(hours=5))).work()
    assert set(facts(pushed.engine)) == {ORDER, f"{ORDER}:{number}"}
    pull(pushed)
    assert set(facts(pushed.engine)) == {ORDER, f"{ORDER}:{number}"}


@pytest.mark.parametrize("first", ["webhook", "pull"])
def test_both_refund_events_and_the_pull_are_one_reversal(
    pushed: Pushed, tribute: TributeSimulator, first: str
) -> None:
    tribute.add_order(ORDER, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=5))
    number = tribute.charge_again(ORDER, at=ago(hours=4.5), recurring=False)
    tribute.refund(ORDER, number, at=ago(hours=2))
    if first == "pull":
        pull(pushed)
    pushed.receive(shop_refund("completed", number), shop_refund("initiated", number)).work()
    pull(pushed)
    (back,) = [row for row in facts(pushed.engine).values() if row["kind"] == "refund"]
    assert (back["parent_ref"], back["status"], back["occurred_exact"]) == (f"{ORDER}:{number}", "completed", True)
    assert back["occurred_at"] == ago(hours=2)


def test_a_refund_only_begun_stays_begun(pushed: Pushed, tribute: TributeSimulator) -> None:
    tribute.switches.refunded_at = "completed"
    tribute.add_order(ORDER, amount_minor=1000, currency="usd", status="paid", created_at=ago(hours=5))
    tribute.refund(ORDER, at=ago(hours=2), completed=False)
    pushed.receive(shop_refund("initiated", 2**32 + 1)).work()
    assert facts(pushed.engine)[f"{ORDER}:refund"]["status"] == "initiated"


def test_money_not_final_is_never_paid_even_after_it_was(pushed: Pushed, tribute: TributeSimulator) -> None:
    tribute.add_order(ORDER, amount_minor=1000, currency="usd", status="prepaid", created_at=ago(hours=5))
    pushed.receive(event("shop_order_prepaid", shop_order()["payload"], ago(hours=5))).work()  # type: ignore[arg-type]
    assert facts(pushed.engine)[ORDER]["status"] == "prepaid"
    tribute.pay(ORDER, at=ago(hours=4))
    pushed.receive(shop_order()).work()
    pushed.receive(event("shop_order_payment_received", shop_order()["payload"], ago(hours=5))).work()  # type: ignore[arg-type]
    assert facts(pushed.engine)[ORDER]["status"] == "paid"
