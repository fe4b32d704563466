"""The outbox: what is put into it is delivered in order, by one at a time, and never forgotten."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from reconciler.outbox import LONGEST_WAIT, PATIENCE, Failed, retry_at, wait
from reconciler.schema_told import outbox, outbox_attempts
from reconciler.store.engine import read, write
from reconciler.store.outbox import TERM, Claim, claim, due, entries, failed, held, put, retry, sent
from tests.builders import NOW
from tests.stores import engine, stored, url

__all__ = ["engine", "url"]
SECOND = timedelta(seconds=1)


def add(engine: sa.Engine, *keys: str, sequence: str | None = "a1", not_before: datetime | None = None) -> None:
    """Put entries of one sequence into the outbox."""
    with write(engine) as connection:
        for key in keys:
            put(
                connection,
                channel="command",
                key=key,
                sequence_key=sequence,
                body=f"<{key}>",
                now=NOW,
                not_before=not_before,
            )


def take(
    engine: sa.Engine, at: datetime = NOW, *, holder: str = "one", gone: tuple[str, ...] = (), limit: int = 10
) -> list[Claim]:
    """Claim what is due."""
    with write(engine) as connection:
        return claim(connection, ["command"], at, holder=holder, is_gone=lambda who: who in gone, limit=limit)


def keys(claims: list[Claim]) -> list[str]:
    """Which entries were claimed."""
    return [one.key for one in claims]


def test_what_is_due_is_claimed_once(engine: sa.Engine) -> None:
    add(engine, "k1")
    assert keys(take(engine)) == ["k1"]
    assert take(engine, holder="two") == []


def test_the_same_key_is_one_entry_and_its_body_never_changes(engine: sa.Engine) -> None:
    add(engine, "k1", "k1")
    assert len(stored(engine, outbox)) == 1
    with pytest.raises(ValueError, match="another body"), write(engine) as connection:
        put(connection, channel="command", key="k1", sequence_key="a1", body="other", now=NOW)


def test_an_entry_is_there_only_if_its_transaction_is(engine: sa.Engine) -> None:
    with write(engine, keep=False) as connection:
        put(connection, channel="command", key="k1", sequence_key=None, body="", now=NOW)
    assert stored(engine, outbox) == []


def test_nothing_is_delivered_before_its_time(engine: sa.Engine) -> None:
    add(engine, "k1", not_before=NOW + SECOND)
    assert take(engine) == []
    assert keys(take(engine, NOW + SECOND)) == ["k1"]


def test_of_one_sequence_one_is_in_flight_and_the_next_waits_for_its_success(engine: sa.Engine) -> None:
    add(engine, "a-1", "a-2")
    add(engine, "b-1", sequence="b")
    first, other = take(engine)
    assert keys([first, other]) == ["a-1", "b-1"]
    assert take(engine) == []
    with write(engine) as connection:
        assert failed(connection, first, NOW, "time-out", NOW + 5 * SECOND)
    assert take(engine, NOW + SECOND) == [], "the second does not overtake the first that is to be tried again"
    again = take(engine, NOW + 5 * SECOND)
    assert keys(again) == ["a-1"]
    with write(engine) as connection:
        assert sent(connection, again[0], NOW + 6 * SECOND, "200")
    assert keys(take(engine, NOW + 6 * SECOND)) == ["a-2"]


def test_entries_without_a_sequence_wait_for_nobody(engine: sa.Engine) -> None:
    add(engine, "k1", "k2", sequence=None)
    assert keys(take(engine)) == ["k1", "k2"]


def test_a_claim_ends_with_its_term_and_the_late_holder_changes_nothing(engine: sa.Engine) -> None:
    add(engine, "k1")
    [late] = take(engine)
    assert take(engine, NOW + TERM - SECOND, holder="two") == []
    [second] = take(engine, NOW + TERM, holder="two")
    assert second.epoch > late.epoch
    for close in (
        lambda connection: sent(connection, late, NOW + TERM, "200"),
        lambda connection: failed(connection, late, NOW + TERM, "500", NOW),
        lambda connection: held(connection, late, NOW + TERM, "404"),
    ):
        with write(engine) as connection:
            assert not close(connection)
    [row] = stored(engine, outbox)
    assert (row.state, row.holder, row.epoch) == ("todo", "two", second.epoch)
    with write(engine) as connection:
        assert sent(connection, second, NOW + TERM, "200")
    assert stored(engine, outbox)[0].state == "sent"


def test_the_claim_of_a_vanished_process_is_taken_over_at_once(engine: sa.Engine) -> None:
    add(engine, "k1")
    take(engine)
    with read(engine) as connection:
        assert due(connection, ["command"], NOW + SECOND) == 1
    assert keys(take(engine, NOW + SECOND, holder="two", gone=("one",))) == ["k1"]


def test_every_attempt_is_written_down_also_one_whose_process_died(engine: sa.Engine) -> None:
    add(engine, "k1")
    take(engine)
    [second] = take(engine, NOW + SECOND, holder="two", gone=("one",))
    with write(engine) as connection:
        failed(connection, second, NOW + 2 * SECOND, "answered 503", NOW + 7 * SECOND)
    attempts = [(row.holder, row.outcome, row.note) for row in stored(engine, outbox_attempts)]
    assert attempts == [("one", None, ""), ("two", "failed", "answered 503")]


def test_a_held_entry_does_not_keep_back_what_comes_after_it(engine: sa.Engine) -> None:
    add(engine, "suspend", "reinstate")
    [first] = take(engine)
    with write(engine) as connection:
        held(connection, first, NOW, "answered 404")
    assert keys(take(engine)) == ["reinstate"]


def test_a_held_entry_is_tried_again_under_its_key_and_body_when_a_person_says_so(engine: sa.Engine) -> None:
    add(engine, "k1", "k2")
    [first] = take(engine, limit=1)
    with write(engine) as connection:
        held(connection, first, NOW, "answered 404")
    with write(engine) as connection:
        assert retry(connection, None, NOW + SECOND) == (["k1"], [])
    [again] = take(engine, NOW + SECOND)
    assert (again.key, again.body, again.failures) == ("k1", "<k1>", 0)
    assert again.trying_since == NOW + SECOND, "its three days begin anew"


def test_a_held_entry_that_a_newer_one_has_overtaken_stays_held(engine: sa.Engine) -> None:
    add(engine, "suspend", "reinstate")
    [first] = take(engine)
    with write(engine) as connection:
        held(connection, first, NOW, "answered 404")
    take(engine)
    with write(engine) as connection:
        assert retry(connection, ["suspend"], NOW) == ([], ["suspend"])
    with read(engine) as connection:
        assert [row["key"] for row in entries(connection, states=["held"])] == ["suspend"]


def test_waits_begin_at_five_seconds_and_grow() -> None:
    waits = [wait(failures) for failures in range(1, 200)]
    assert waits[0] == timedelta(seconds=5)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


@given(st.lists(st.integers(0, 200_000), max_size=200))
def test_trying_ends_with_a_last_attempt_after_three_days(asked: list[int]) -> None:
    now, tries = NOW, [NOW]
    for failures in range(1, 1000):
        seconds = asked[failures - 1] if failures <= len(asked) else None
        asked_for = timedelta(seconds=seconds) if seconds is not None else None
        following = retry_at(now, NOW, failures, Failed("", asked_for))
        if following is None:
            break
        assert following > now
        assert following == NOW + PATIENCE or following - now >= timedelta(seconds=seconds or 5)
        now = following
        tries.append(now)
    assert tries[-1] == NOW + PATIENCE
