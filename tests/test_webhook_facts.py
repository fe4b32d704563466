"""From event to finding: what webhooks alone tell is matched, judged and counted; what is unclear waits."""

import json
import random

import pytest
import sqlalchemy as sa

from providers.simulators.tribute import TributeSimulator
from reconciler.model import Account
from reconciler.store import inbox
from reconciler.store.engine import write
from tests.builders import ago, order, pending
from tests.stores import engine, url
from tests.webhook_stage import pull, purchase, purchase_refund, pushed, tribute
from tests.webhook_world import Pushed, event, events, facts, intake, sample_event, stored

__all__ = ["engine", "pushed", "tribute", "url"]


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
