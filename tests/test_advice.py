"""A finding about a chargeback recommends what its case recommends, whatever comes; both are computed at one place."""

from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.findings import public
from reconciler.schema import finding_events
from reconciler.store.engine import read
from reconciler.store.findings import findings_as_of, list_findings
from tests.builders import World
from tests.case_steps import BOUGHT, KNOWN_BUYER, TWICE, UNDELIVERED, Step, decided, disputed, later, stage
from tests.case_stories_refunds import THIRD
from tests.case_teller import Teller
from tests.stores import by_day as url
from tests.stores import engine

__all__ = ["engine", "url"]


def tell(engine: sa.Engine, *steps: Step) -> tuple[dict[str, Any], Any]:
    """Tell what happens; gives the public findings by kind, and what the case says."""
    teller = Teller(World(engine).complete(), "charge")
    for step in steps:
        teller.tell(step)
    with read(engine) as connection:
        return {row["kind"]: public(row) for row in list_findings(connection)}, teller.case(connection)["said"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((BOUGHT, disputed()), ("suspend", "7")),
        ((BOUGHT, KNOWN_BUYER, disputed()), ("manual", "7")),
        ((TWICE, disputed()), ("manual", "3.duplicate_charge")),
        ((UNDELIVERED, disputed(reason="13.1")), ("manual", "3.undelivered")),
        ((disputed(),), ("manual", "7")),
        ((BOUGHT, disputed(), decided("suspend")), ("none", "7")),
        ((BOUGHT, disputed(), decided("suspend"), later(1)), ("none", "7")),
    ],
)
def test_the_finding_and_its_case_speak_with_one_voice(engine: sa.Engine, steps: tuple[Step, ...], said: Any) -> None:
    found, case = tell(engine, *steps)
    chargeback = found["chargeback"]
    assert (chargeback["recommendation"], chargeback["policy_clause"]) == said
    assert (case["recommendation"], case["policy_clause"]) == said


def test_nothing_is_given_for_a_charge_while_a_chargeback_stands_and_again_when_it_is_over(engine: sa.Engine) -> None:
    duplicate = tell(engine, TWICE, disputed())[0]["duplicate_charge"]
    assert (duplicate["recommendation"], duplicate["refundable_amount"]) == ("manual", "0.00")
    teller = Teller(World(engine), "charge")
    teller.tell(stage("won"))
    with read(engine) as connection:
        [again] = [public(row) for row in list_findings(connection, kind="duplicate_charge")]
    assert (again["recommendation"], again["refundable_amount"]) == ("refund", "10.00")


def test_of_a_third_charge_only_its_own_amount_is_left_to_refund(engine: sa.Engine) -> None:
    found, case = tell(engine, TWICE, decided("refund"), THIRD)
    assert (found["duplicate_charge"]["amount"], found["duplicate_charge"]["refundable_amount"]) == ("20.00", "10.00")
    assert case["refundable_amount"] == "10.00"


def test_what_it_recommended_is_history_and_a_run_without_news_adds_nothing(engine: sa.Engine) -> None:
    teller = Teller(World(engine).complete(), "charge")
    for step in (BOUGHT, disputed(), later(0.1)):
        teller.tell(step)
    events = sa.select(sa.func.count()).select_from(finding_events)
    with read(engine) as connection:
        before = connection.execute(events).scalar_one()
    teller.tell(later(0.1))
    with read(engine) as connection:
        assert connection.execute(events).scalar_one() == before
        [then] = [public(row) for row in findings_as_of(connection, teller.world.now) if row["status"] == "open"]
        [now] = [public(row) for row in list_findings(connection)]
    assert then["recommendation"] == now["recommendation"] == "suspend"
