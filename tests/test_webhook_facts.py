"""From event to finding: what webhooks alone tell is matched, judged and counted, and joins what the pull tells."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa

from jobs.pull import Pull
from providers.simulators.tribute import TributeSimulator
from providers.tribute import build
from reconciler.model import Account
from reconciler.settings import Schedule, TributeSettings
from reconciler.store import inbox
from reconciler.store.engine import write
from tests.builders import NOW, UUID, ago, order, pending
from tests.stores import engine, url
from tests.webhook_world import KEY, Pushed, event, events, facts, intake, sample_event, stored

__all__ = ["engine", "url"]
ORDER = UUID.format(1)
BOUGHT, GIVEN_BACK = ago(hours=5), ago(hours=2)


def purchase(number: int = 78901, at: datetime = BOUGHT, **more: object) -> dict[str, object]:
    """A digital product of 10.00 USD."""
    payload = {"product_id": 77, "amount": 1000, "currency": "usd", "purchase_id": number, "transaction_id": 5}
    return event("new_digital_product", payload | {"telegram_user_id": 42} | more, at)


def purchase_refund(number: int = 78901, at: datetime = GIVEN_BACK, **more: object) -> dict[str, object]:
    """Its money back."""
    payload = {"product_id": 77, "amount": 1000, "currency": "usd", "purchase_id": number, "transaction_id": 5}
    return event("digital_product_refunded", payload | {"refund_reason": "telegram_refund"} | more, at)


def shop_order(uuid: str = ORDER, at: datetime = BOUGHT, **more: object) -> dict[str, object]:
    """The first payment of a shop order of 10.00 USD."""
    payload = {"uuid": uuid, "shopId": 1, "amount": 1000, "currency": "usd", "fee": 80, "status": "paid"}
    return event("shop_order", payload | {"isRecurrent": False} | more, at)


def shop_refund(status: str, number: int, at: datetime = GIVEN_BACK, **more: object) -> dict[str, object]:
    """One of a refund's two events."""
    back = {"refundedAt": at.strftime("%Y-%m-%dT%H:%M:%SZ")} if status == "completed" else {}
    payload = {"uuid": ORDER, "shopId": 1, "amount": 1000, "currency": "usd", "transactionId": number, "status": status}
    return event("shop_order_refunded", payload | back | more, at)


@pytest.fixture
def tribute() -> Iterator[TributeSimulator]:
    with TributeSimulator(api_key=KEY, now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def pushed(engine: sa.Engine, tribute: TributeSimulator) -> Iterator[Pushed]:
    made = Pushed(engine)
    made.world().complete()
    settings = TributeSettings(base_url=tribute.base_url, api_key=KEY, requests_per_second=10_000)  # type: ignore[arg-type]
    made.providers = [build(settings, now=lambda: made.now, sleep=lambda _s: None)]
    yield made
    for provider in made.providers:
        provider.close()


def pull(pushed: Pushed) -> None:
    """One pull of Tribute."""
    Pull(pushed.engine, Schedule(), lambda: pushed.now, lambda _line: None).run(pushed.providers, None)


# What webhooks alone tell


def test_a_purchase_is_matched_with_the_order_that_names_it(pushed: Pushed) -> None:
    pushed.receive(purchase()).work().world().add(order("D1", "78901", provider="tribute"))
    judged = pushed.world().judge()
    assert [row for row in judged.findings if row["provider"] == "tribute"] == []
    (books,) = [one for one in judged.statement["providers"] if one["provider"] == "tribute"]
    assert books["charges"]["matched"] == {"count": 1, "amount": "10.00"}
    assert books["closes"]


def test_a_purchase_without_a_delivery_is_found(pushed: Pushed) -> None:
    pushed.receive(purchase()).work().world().add(pending("D1", "78901", provider="tribute"))
    (finding,) = pushed.findings("undelivered_order")
    assert (finding["transaction_ids"], finding["reason"]) == (["78901"], "not_fulfilled")


def test_a_purchase_nobody_heard_of_is_never_a_missing_charge(pushed: Pushed) -> None:
    pushed.world().add(order("D1", "78901", provider="tribute"), order("D2", None, provider="tribute"))
    assert pushed.findings("missing_charge") == []


def test_the_same_purchase_twice_within_minutes_is_a_duplicate(pushed: Pushed) -> None:
    pushed.receive(purchase(1), purchase(2, ago(hours=4.9))).work().world().add(order("D1", "1", provider="tribute"))
    (finding,) = pushed.findings("duplicate_charge")
    assert (finding["transaction_ids"], finding["related_transaction_ids"]) == (["2"], ["1"])


@pytest.mark.parametrize("backwards", [False, True])
def test_a_refund_joins_its_purchase_in_either_order(pushed: Pushed, backwards: bool) -> None:
    told = [purchase(), purchase_refund()]
    for one in reversed(told) if backwards else told:
        pushed.receive(one).work()
    pushed.world().add(order("D1", "78901", provider="tribute"))
    (finding,) = pushed.findings("suspected_chargeback")
    assert (finding["transaction_ids"], finding["order_id"], finding["amount"]) == (["78901"], "D1", "10.00")


def test_a_refund_of_a_purchase_never_seen_is_kept_and_found(pushed: Pushed) -> None:
    pushed.receive(purchase_refund()).work()
    assert pushed.findings("suspected_chargeback")[0]["transaction_ids"] == ["78901"]


def test_a_refund_that_the_seller_started_is_unapproved_and_not_suspected(pushed: Pushed) -> None:
    by_seller = purchase_refund(refund_reason="Cancel product purchase from public API")
    pushed.receive(purchase(), by_seller).work()
    assert {row["kind"] for row in pushed.findings()} == {"unapproved_refund"}


def test_donations_and_subscriptions_are_money_that_no_order_has_to_answer(pushed: Pushed) -> None:
    for name in ("new_donation", "new_donation_anonymous", "new_subscription", "renewed_subscription"):
        payload = sample_event(name)["payload"]
        pushed.receive(event(name.removesuffix("_anonymous"), payload, ago(hours=6)))
    pushed.receive(event("new_subscription", sample_event("new_subscription_gift")["payload"], ago(hours=6)))
    pushed.receive(event("new_subscription", sample_event("new_subscription_trial")["payload"], ago(hours=6)))
    judged = pushed.work().world().judge()
    assert judged.findings == []
    trials = {
        one["currency"]: one["charges"]["excluded"]["trial"]["count"]
        for one in judged.statement["providers"]
        if one["provider"] == "tribute"
    }
    assert trials["EUR"] == 2
    assert all(one["closes"] for one in judged.statement["providers"])


def test_a_token_charge_is_matched_by_its_reference(pushed: Pushed) -> None:
    charge = "770e8400-e29b-41d4-a716-446655440002"
    payload = {"chargeUuid": charge, "token": "t", "amount": 1000, "currency": "usd", "reference": "T9"}
    failed = event("shop_token_charge_failed", payload | {"errorCode": "payment_declined"}, ago(hours=5))
    done = event("shop_token_charge_success", payload, ago(hours=5))
    pushed.receive(done, failed).work().world().add(order("T9", None, provider="tribute"))
    assert facts(pushed.engine)[charge]["status"] == "paid", "a failure never replaces a success"
    assert pushed.findings() == []


def test_a_token_charge_whose_webhook_was_lost_is_found_by_its_reference(
    pushed: Pushed, tribute: TributeSimulator
) -> None:
    charge = "770e8400-e29b-41d4-a716-446655440002"
    tribute.token_charges[charge] = {
        "chargeUuid": charge, "status": "success", "amount": 1000, "currency": "usd",
        "createdAt": "2026-11-20T07:00:00Z",
    }  # fmt: skip
    pushed.world().add(order("T9", charge, provider="tribute", product_id=None))
    pull(pushed)
    assert pushed.findings("missing_charge") == []
    assert facts(pushed.engine)[charge]["status"] == "paid"


def test_events_do_the_same_in_any_order(engine: sa.Engine, tribute: TributeSimulator, pushed: Pushed) -> None:
    names = [name for name in events() if name not in {"shop_order_tokenized", "shop_order_trial", "test_event"}]
    names = [name for name in names if name != "digital_product_refunded_by_creator"]  # the same event told otherwise
    random.Random(7).shuffle(names)
    pushed.receive(*(sample_event(name) for name in names)).work()
    shuffled = {ref: (row["status"], row["amount_minor"], row["parent_ref"]) for ref, row in facts(engine).items()}
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM transactions")
        connection.exec_driver_sql("DELETE FROM webhooks")
    pushed.receive(*(sample_event(name) for name in sorted(names))).work()
    assert shuffled == {
        ref: (row["status"], row["amount_minor"], row["parent_ref"]) for ref, row in facts(engine).items()
    }


# What the pull tells too


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


# What contradicts, what is unknown, what is late


def test_the_same_key_with_other_money_keeps_both_and_is_found(pushed: Pushed) -> None:
    pushed.receive(purchase(), purchase(amount=1)).work()
    assert [row["state"] for row in stored(pushed.engine)] == ["done", "conflict"]
    assert facts(pushed.engine)["78901"]["amount_minor"] == 1000
    (finding,) = pushed.findings("unreadable_record")
    assert (finding["transaction_ids"], finding["reason"]) == (["78901"], "contradicting_event")
    pushed.receive(purchase(amount=1)).work()
    assert len(stored(pushed.engine)) == 2


def test_an_unknown_event_is_kept_and_noticed_once_for_its_name(pushed: Pushed) -> None:
    for number in range(3):
        pushed.receive(event("something_new", {"number": number})).work()
    assert [row["state"] for row in stored(pushed.engine)] == ["unknown"] * 3
    (finding,) = pushed.findings("unreadable_record")
    assert "something_new" in finding["explanation"]


def test_an_event_that_cannot_be_understood_waits_in_quarantine_and_stops_no_other(pushed: Pushed) -> None:
    pushed.receive(purchase(1, amount="a lot"), purchase(2)).work()
    assert [row["state"] for row in stored(pushed.engine)] == ["unreadable", "done"]
    assert set(facts(pushed.engine)) == {"2"}
    assert pushed.findings("unreadable_record")[0]["transaction_ids"] == ["1"]


def test_an_event_read_again_leaves_quarantine_unless_it_still_cannot_be_understood(pushed: Pushed) -> None:
    pushed.receive(event("something_new", {"number": 1})).work()
    assert len(pushed.findings("unreadable_record")) == 1
    with write(pushed.engine) as connection:
        assert inbox.again(connection, [row["id"] for row in stored(pushed.engine)], pushed.now) == 1
    assert pushed.findings("unreadable_record") == []
    assert len(pushed.work().findings("unreadable_record")) == 1


def test_raw_bytes_stay_as_they_came_and_what_is_shown_is_clean(engine: sa.Engine) -> None:
    body = json.dumps(sample_event("shop_order_tokenized"), indent=3).encode()
    with intake(engine) as way:
        assert way.post(body).status_code == 200
    assert bytes(stored(engine)[0]["body"]) == body


def test_the_buyers_account_is_found_by_the_telegram_id_of_the_event(pushed: Pushed) -> None:
    account = Account("acc", "active", ago(hours=1), telegram_user_id="42", balance_micro=0)
    pushed.receive(purchase()).work()
    pushed.world().add(account, pending("D1", None, provider="tribute", account_id="acc", buyer_email=None))
    (finding,) = pushed.findings("undelivered_order")
    assert (finding["order_id"], finding["account_id"]) == ("D1", "acc")
