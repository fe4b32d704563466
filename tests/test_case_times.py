"""What time does to cases: due dates that come near and pass, each told once, and days that no calendar knows yet."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.schema_cases import case_events
from reconciler.schema_told import outbox
from reconciler.store.alert_seen import CASE
from reconciler.store.case_views import case_document
from reconciler.store.disputes import add_stage
from reconciler.store.engine import read, write
from reconciler.store.reviews import NewReview, add_review
from tests.builders import BUYER, World
from tests.case_steps import BOUGHT, Step, asked, decided, disputed, later
from tests.case_teller import Teller
from tests.stores import by_day as url
from tests.stores import engine

__all__ = ["engine", "url"]

TIMELY = ("due_soon", "overdue", "woken")


def told(engine: sa.Engine, about: str, *steps: Step) -> Teller:
    """A store in which this happened."""
    teller = Teller(World(engine).complete(), about)
    for step in steps:
        teller.tell(step)
    return teller


def shown(teller: Teller) -> dict[str, Any]:
    """The case as people see it now."""
    with read(teller.world.engine) as connection:
        return case_document(connection, teller.case(connection)["id"], teller.world.now)


def events(teller: Teller) -> list[str]:
    """What time did to the case."""
    with read(teller.world.engine) as connection:
        query = sa.select(case_events.c.event).order_by(case_events.c.case_id, case_events.c.number)
        return [event for event in connection.execute(query).scalars() if event in TIMELY]


def alerts(engine: sa.Engine) -> list[tuple[str, str]]:
    """Severity and title of each alert, oldest first."""
    with read(engine) as connection:
        query = sa.select(outbox.c.body).where(outbox.c.channel == "alert").order_by(outbox.c.id)
        bodies = [json.loads(body) for body in connection.execute(query).scalars()]
    return [(body["severity"], body["title"]) for body in bodies]


def test_a_review_is_due_soon_three_business_days_before_then_overdue_each_told_once(engine: sa.Engine) -> None:
    teller = told(engine, "review", BOUGHT, asked(), later(16))
    assert (shown(teller)["due_state"], alerts(engine)) == ("waiting", [])
    teller.tell(later(1))  # 7 December: the tenth is the last day
    assert shown(teller)["due_state"] == "due_soon"
    teller.tell(later(1))
    assert alerts(engine) == [("warning", "A case is due soon")]
    teller.tell(later(3))
    teller.tell(later(3))
    assert shown(teller)["due_state"] == "overdue"
    assert alerts(engine) == [("warning", "A case is due soon"), ("critical", "A case is overdue")]
    with read(engine) as connection:
        keys = connection.execute(sa.select(outbox.c.key).where(outbox.c.channel == "alert")).scalars().all()
    assert {key.split(":")[0] + ":" for key in keys} == {CASE}, "so that a decision ends it"
    assert events(teller) == ["due_soon", "overdue"]


def test_nobody_is_called_for_a_review_that_was_decided(engine: sa.Engine) -> None:
    told(engine, "review", BOUGHT, asked(), decided("refund", amount=100), later(6), later(30))
    assert [title for _, title in alerts(engine) if "due" in title] == []


def test_an_answer_to_the_bank_is_due_although_the_account_was_suspended(engine: sa.Engine) -> None:
    told(engine, "charge", BOUGHT, disputed(), decided("suspend"), later(15))
    assert alerts(engine) == [("warning", "A case is due soon")]


def test_another_due_date_is_told_of_anew(engine: sa.Engine) -> None:
    teller = told(engine, "charge", BOUGHT, disputed(), later(30))
    assert shown(teller)["due_state"] == "overdue"
    longer = teller.world.now + timedelta(days=9)
    with write(engine) as connection:
        [dispute] = case_document(connection, teller.case(connection)["id"], teller.world.now)["chargebacks"]
        add_stage(connection, dispute["id"], "under_review", teller.world.now, "Ann", teller.world.now, due=longer)
    teller.tell(later(0.01))
    assert shown(teller)["due_state"] == "waiting"
    teller.tell(later(7))
    assert shown(teller)["due_state"] == "due_soon"
    assert events(teller) == ["overdue", "due_soon"]


def test_a_date_past_the_known_calendar_is_marked_on_the_case(engine: sa.Engine) -> None:
    teller = Teller(World(engine, now=datetime(2034, 6, 1, 12, tzinfo=UTC)).complete(), "review")
    for step in (BOUGHT, asked()):
        teller.tell(step)
    assert (shown(teller)["due_known"], shown(teller)["review"]["due_known"]) == (False, False)


@pytest.mark.parametrize(("days_ago", "due"), [(0, "2026-12-10T20:59:59Z"), (3, "2026-12-07T20:59:59Z")])
def test_the_days_count_from_when_the_buyer_sent_the_rest(engine: sa.Engine, days_ago: int, due: str) -> None:
    teller = told(engine, "review", BOUGHT)
    now = teller.world.now
    first = NewReview(now - timedelta(days=9), order="1001", text="please")
    rest = NewReview(now - timedelta(days=days_ago), order="1001", email=BUYER)
    with write(engine) as connection:
        assert add_review(connection, teller.world.settings, first, now)["due_at"] is None
        row = add_review(connection, teller.world.settings, rest, now)
    assert row["due_at"].astimezone(UTC).isoformat().replace("+00:00", "Z") == due
