"""Delivery to the shop: every answer and every silence leads where the contract says, and nothing else is called."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook, WebhookVerificationError

from jobs.dispatch import Delivered
from providers.simulators.receiver import SECRET, CommandReceiver
from reconciler.schema_told import audit_records, outbox_attempts
from reconciler.settings import Settings
from reconciler.store.alert_seen import seen_to
from reconciler.store.alert_views import list_alerts
from reconciler.store.engine import read, write
from reconciler.store.outbox import retry
from tests.deliveries import check, decided, deliver, dispatch, only, receiver, settings_for, soon
from tests.stores import engine, stored, url

__all__ = ["engine", "receiver", "url"]


def test_a_command_arrives_signed_and_is_marked_only_then(engine: sa.Engine, receiver: CommandReceiver) -> None:
    [id_] = decided(engine, "a1")
    assert only(engine).state == "todo"
    assert deliver(engine, receiver) == Delivered(sent=1)
    [call] = receiver.calls
    assert call.headers["webhook-id"] == id_
    assert Webhook(SECRET).verify(call.body, dict(call.headers))["data"]["command_id"] == id_
    assert receiver.accounts == {"a1": "suspended"}
    assert only(engine).state == "sent"
    assert deliver(engine, receiver) == Delivered(), "it is not sent again"


def test_every_attempt_has_the_same_id_and_body_and_a_signature_of_its_own_time(
    engine: sa.Engine, receiver: CommandReceiver
) -> None:
    decided(engine, "a1")
    receiver.fault("/", "status", status=500)
    deliver(engine, receiver)
    deliver(engine, receiver, soon() + timedelta(minutes=1))
    first, second = receiver.calls
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_an_altered_command_is_refused_by_the_receiver(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1")
    deliver(engine, receiver)
    [call] = receiver.calls
    forged = [
        (call.body.replace(b"a1", b"a2"), dict(call.headers)),
        (call.body, {**call.headers, "webhook-id": "cmd_other"}),
        (call.body, {**call.headers, "webhook-timestamp": str(int(call.headers["webhook-timestamp"]) + 1)}),
    ]
    for body, headers in forged:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 409])
def test_2xx_is_done_and_409_is_done_already(engine: sa.Engine, receiver: CommandReceiver, status: int) -> None:
    decided(engine, "a1")
    receiver.fault("/", "status", status=status)
    assert deliver(engine, receiver) == Delivered(sent=1)
    assert only(engine).state == "sent"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422, 451])
def test_other_4xx_are_held_at_once(engine: sa.Engine, receiver: CommandReceiver, status: int) -> None:
    decided(engine, "a1")
    receiver.fault("/", "status", 100, status=status, body="<b>come again</b>")
    assert deliver(engine, receiver) == Delivered(held=1)
    assert (only(engine).state, only(engine).note) == ("held", f"answered {status}: the shop refuses it")
    kinds = [row.kind for row in stored(engine, audit_records)]
    assert kinds[:3] == ["command.made", "command.held", "alert.raised"], "a person is called with the mark"
    deliver(engine, receiver, soon() + timedelta(days=1))
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [301, 307, 308, 408, 425, 429, 500, 502, 503, 504])
def test_everything_else_is_tried_again_after_five_seconds(
    engine: sa.Engine, receiver: CommandReceiver, status: int
) -> None:
    decided(engine, "a1")
    at = soon()
    receiver.fault("/", "status", status=status)
    assert deliver(engine, receiver, at) == Delivered(failed=1)
    assert only(engine).due_at == at + timedelta(seconds=5)
    assert deliver(engine, receiver, at + timedelta(seconds=4)) == Delivered()
    assert deliver(engine, receiver, at + timedelta(seconds=5)) == Delivered(sent=1)


@pytest.mark.parametrize("kind", ["reset", "lost"])
def test_without_an_answer_it_is_tried_again_and_acted_upon_once(
    engine: sa.Engine, receiver: CommandReceiver, kind: Any
) -> None:
    [id_] = decided(engine, "a1")
    receiver.fault("/", kind)
    at = soon()
    deliver(engine, receiver, at)
    assert only(engine).state == "todo"
    receiver.says_conflict = True
    assert deliver(engine, receiver, at + timedelta(seconds=5)) == Delivered(sent=1)
    assert [one["data"]["command_id"] for one in receiver.applied] == [id_]


def test_nobody_listening_is_a_failed_attempt_like_any_other(engine: sa.Engine) -> None:
    decided(engine, "a1")
    done = dispatch(settings_for("http://127.0.0.1:9/commands"), engine, now=soon)
    assert done == Delivered(failed=1)
    assert only(engine).note == "no answer (ConnectError)"


def test_retry_after_is_obeyed(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1")
    at = soon()
    receiver.fault("/", "retry_after", seconds=700)
    deliver(engine, receiver, at)
    assert only(engine).due_at == at + timedelta(seconds=700)


def test_waits_grow_for_three_days_and_then_it_is_held_with_its_last_reason(
    engine: sa.Engine, receiver: CommandReceiver
) -> None:
    decided(engine, "a1")
    receiver.fault("/", "status", 1000, status=503)
    began = at = soon()
    while only(engine).state == "todo":
        deliver(engine, receiver, at)
        waited, at = only(engine).due_at - at, only(engine).due_at
        assert waited <= timedelta(hours=1)
    assert only(engine).note == "given up after three days: answered 503"
    assert only(engine).finished_at == began + timedelta(days=3)
    assert 50 < len(stored(engine, outbox_attempts)) < 120


def test_a_held_command_goes_out_again_under_its_id_when_an_operator_retries(
    engine: sa.Engine, receiver: CommandReceiver
) -> None:
    [id_] = decided(engine, "a1")
    receiver.fault("/", "status", status=404)
    deliver(engine, receiver)
    with write(engine) as connection:
        retry(connection, [id_], soon())
    assert deliver(engine, receiver) == Delivered(sent=1)
    assert [one.id for one in receiver.arrivals] == [id_]


def test_a_reinstatement_never_overtakes_its_suspension(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1", each=2)
    receiver.fault("/", "status", status=500)
    at = soon()
    assert deliver(engine, receiver, at) == Delivered(failed=1)
    assert deliver(engine, receiver, at + timedelta(seconds=5)) == Delivered(sent=2)
    assert [one["type"] for one in receiver.applied] == ["account.suspend", "account.reinstate"]
    assert receiver.accounts == {"a1": "active"}


def test_one_account_that_fails_keeps_no_other_back(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1", "a2", "a3", each=2)
    receiver.fault("/", "status", status=500)
    done = deliver(engine, receiver)
    assert (done.sent, done.failed) == (4, 1)


def test_a_pass_ends_when_nobody_answers(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, *(f"a{number}" for number in range(40)))
    receiver.fault("/", "status", 1000, status=503)
    assert deliver(engine, receiver).failed == 8
    receiver.clear_faults()
    assert deliver(engine, receiver, soon() + timedelta(seconds=6)).sent == 40
    check(engine, receiver)


def test_without_an_address_commands_wait_and_lose_no_patience(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1")
    assert dispatch(Settings(), engine, now=soon) == Delivered()
    later = soon() + timedelta(days=30)
    receiver.fault("/", "status", status=500)
    assert deliver(engine, receiver, later) == Delivered(failed=1)
    assert only(engine).state == "todo"


def test_a_held_command_is_an_alert_until_it_is_retried(engine: sa.Engine, receiver: CommandReceiver) -> None:
    [id_] = decided(engine, "a1")
    receiver.fault("/", "status", status=404)
    deliver(engine, receiver)
    with read(engine) as connection:
        [alert] = list_alerts(connection)
    assert (alert["severity"], alert["state"]) == ("critical", "open")
    assert alert["title"] == "A command to the shop is held"
    with write(engine) as connection:
        retry(connection, [id_], soon())
        seen_to(connection, soon())
        assert [one["state"] for one in list_alerts(connection)] == ["resolved"]


def test_what_was_decided_made_sent_and_held_is_on_record(engine: sa.Engine, receiver: CommandReceiver) -> None:
    decided(engine, "a1", "a2")
    receiver.fault("/", "status", status=404)
    deliver(engine, receiver)
    rows = [row for row in stored(engine, audit_records) if row.kind.startswith("command.")]
    assert sorted((row.kind, row.actor) for row in rows) == [
        ("command.held", "reconciler"),
        ("command.made", "Ann"),
        ("command.made", "Ann"),
        ("command.sent", "reconciler"),
    ]
    assert json.loads(rows[-1].data)["attempt"] == 1
