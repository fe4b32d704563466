"""Several cases, several operators: one cause closes what it settles and nothing else, and of two words one counts."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler import schema_cases
from reconciler.cases.model import Decision
from reconciler.errors import BadRecord
from reconciler.money import Money
from reconciler.schema import refund_approvals
from reconciler.schema_cases import cases
from reconciler.schema_told import commands, outbox
from reconciler.store import disputes, refunds
from reconciler.store.case_views import case_document
from reconciler.store.decisions import decide_case
from reconciler.store.engine import read, write
from reconciler.store.reviews import NewReview, find_purchase
from tests import builders, stores
from tests.builders import BUYER, CREDIT, NOW, World, account, ago, charge, denied, looked_up, order
from tests.case_steps import BOUGHT, MONEY_BACK, TWICE, Step, asked, decided, disputed, facts, refused, stage
from tests.case_teller import Teller
from tests.stores import by_day as url
from tests.stores import engine

__all__ = ["engine", "url"]


def statuses(engine: sa.Engine) -> dict[str, str]:
    """The cases by what they are about."""
    with read(engine) as connection:
        return {row.root.partition(":")[0]: row.status for row in connection.execute(sa.select(cases))}


@pytest.mark.parametrize(
    ("word", "others"),
    [(decided("refund"), "decided"), (decided("refund", amount=400), "open"), (decided("decline"), "open")],
)
def test_a_refund_of_the_whole_charge_settles_its_other_cases_a_part_does_not(
    engine: sa.Engine, word: Step, others: str
) -> None:
    teller = Teller(World(engine).complete(), "review")
    for step in (TWICE, asked("paid twice"), word):
        teller.tell(step)
    assert statuses(engine)["charge"] == others


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((), "resolved"),
        ((stage("signal"),), "resolved"),
        ((stage("opened"),), "open"),
        ((disputed("signal", reason="4837"),), "open"),
    ],
)
def test_a_whole_refund_answers_a_sign_of_a_dispute_that_was_known_and_nothing_that_came_later(
    engine: sa.Engine, steps: tuple[Step, ...], status: str
) -> None:
    teller = Teller(World(engine).complete(), "review")
    unused = facts(order(account_id="acc", credits_micro=CREDIT, credits_used_micro=0, updated_at=ago(hours=1)))
    for step in (BOUGHT, unused, disputed("signal"), asked(), decided("refund", amount=1000), *steps):
        teller.tell(step)
    assert statuses(engine)["charge"] == status


def test_cases_that_are_about_no_charge_have_nothing_to_do_with_each_other(engine: sa.Engine) -> None:
    world = World(engine).complete().add(order("A1", "7001"), order("A2", "7002"), denied("7001"), denied("7002"))
    world.judge()
    with read(engine) as connection:
        ids = list(connection.execute(sa.select(cases.c.id)).scalars())
        shown = [case_document(connection, id_, NOW) for id_ in ids]
    assert [(one["kind"], one["related_case_ids"]) for one in shown] == [("missing_charge", [])] * 2


def test_a_request_that_names_the_kept_charge_is_about_the_surplus_one(engine: sa.Engine) -> None:
    world = World(engine).complete().add(*TWICE[1])
    world.judge()
    with write(engine) as connection:
        _, purchase = find_purchase(connection, world.settings, NewReview(NOW, order="1000", email=BUYER))
    assert purchase is not None
    assert (purchase.ref, purchase.surplus) == ("1001", True)


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_of_two_operators_at_once_one_wins_and_the_other_is_told(engine: sa.Engine) -> None:
    teller = Teller(World(engine).complete(), "charge")
    for step in (BOUGHT, disputed()):
        teller.tell(step)
    with read(engine) as connection:
        case = teller.case(connection)["id"]
    start, said = threading.Barrier(4), []

    def decides(number: int) -> None:
        wanted = Decision("suspend" if number % 2 else "dismiss", f"Operator {number}", "x", teller.world.now)
        start.wait()
        try:
            with write(engine) as connection:
                decide_case(connection, teller.world.settings, case, wanted)
            said.append("won")
        except BadRecord as error:
            said.append(str(error))

    threads = [threading.Thread(target=decides, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("won") == 1
    assert all("was decided already" in one or one == "won" for one in said)
    with read(engine) as connection:
        assert len(connection.execute(sa.select(commands)).all()) <= 1


class Automatic:
    """A shop in mode auto with many ordinary purchases, each of an account of its own."""

    def __init__(self, engine: sa.Engine, many: int, **policy: Any) -> None:
        """Judged once, so that what comes now is news."""
        self.engine = engine
        auto = builders.settings(policy={"suspension_mode": "auto", "auto_limit_per_day": 3} | policy)
        self.world = World(engine, settings=auto).complete()
        for number in range(many):
            ref = f"7{number:02}"
            self.world.add(charge(ref), order(ref, ref, account_id=ref), account(ref))
        self.world.judge()
        self.next = 0

    def charged_back(self, many: int, *, hours: float = 1) -> None:
        """So many of them are charged back some hours later, and a run comes."""
        self.world.now += timedelta(hours=hours)
        with write(self.engine) as connection:
            for number in range(self.next, self.next + many):
                new = disputes.NewDispute("digiseller", f"7{number:02}", Money(1000, "WMZ"), "10.4", self.world.now)
                disputes.record(connection, new, "Ann", self.world.now)
        self.next += many
        self.world.now += timedelta(minutes=1)
        self.world.judge()

    def sent(self) -> list[str]:
        """The types of all commands so far."""
        with read(self.engine) as connection:
            return list(connection.execute(sa.select(commands.c.type).order_by(commands.c.made_at)).scalars())

    def alerts(self) -> int:
        """How often the brake called somebody."""
        with read(self.engine) as connection:
            return len([row for row in connection.execute(sa.select(outbox)) if row.key.startswith("brake:")])


def test_the_limit_holds_over_any_rolling_day_and_what_was_held_back_stays_with_a_person(engine: sa.Engine) -> None:
    shop = Automatic(engine, 8)
    shop.charged_back(2)
    shop.charged_back(1, hours=10)
    assert (len(shop.sent()), shop.alerts()) == (3, 0)
    shop.charged_back(1, hours=10)
    assert (len(shop.sent()), shop.alerts()) == (3, 1)
    shop.charged_back(2, hours=4)  # the first two are older than a day now
    assert (len(shop.sent()), shop.alerts()) == (5, 1)
    shop.charged_back(0, hours=48)
    assert len(shop.sent()) == 5


def test_one_more_than_the_limit_at_once_sends_none(engine: sa.Engine) -> None:
    shop = Automatic(engine, 4)
    shop.charged_back(4)
    assert (shop.sent(), shop.alerts()) == ([], 1)


def test_the_effects_of_the_configuration_are_commands_of_their_own_and_count_each(engine: sa.Engine) -> None:
    shop = Automatic(engine, 2, auto_effects=["ban", "suspend", "forfeit"])
    shop.charged_back(1)
    assert sorted(shop.sent()) == ["account.ban", "account.suspend", "balance.forfeit"]
    shop.charged_back(1)
    assert (len(shop.sent()), shop.alerts()) == (3, 1)


SPENT = facts(account(balance_micro=0))
THRICE = facts(*TWICE[1], charge("1002", occurred_at=ago(hours=4.9)), looked_up("1002"))


def test_of_several_surplus_charges_only_those_in_no_dispute_are_refunded(engine: sa.Engine) -> None:
    teller = Teller(World(engine).complete(), "charge", "1001")
    for step in (THRICE, disputed(ref="1002")):
        teller.tell(step)
    assert advised(teller) == ("refund", "10.00", "refund", "10.00")
    teller.tell(decided("refund"))
    assert approvals(engine) == {"1001": 1000}, "the other waits for the end of its dispute"


def test_a_surplus_charge_whose_dispute_was_won_asks_for_its_refund(engine: sa.Engine) -> None:
    teller = Teller(World(engine).complete(), "charge", "1001")
    for step in (THRICE, disputed(), decided("refund"), stage("won")):
        teller.tell(step)
    assert statuses(engine) == {"charge": "open"}
    teller.tell(decided("refund"))
    assert approvals(engine) == {"1001": 1000, "1002": 1000}


def test_an_amount_is_never_given_for_another_charge_than_the_one_that_went_back(engine: sa.Engine) -> None:
    teller = Teller(World(engine).complete(), "charge", "1001")
    for step in (THRICE, MONEY_BACK, refused(decided("refund", amount=400))):
        teller.tell(step)
    assert approvals(engine) == {}


def test_where_each_surplus_charge_is_in_dispute_a_person_looks(engine: sa.Engine) -> None:
    teller = Teller(World(engine).complete(), "charge", "1001")
    for step in (THRICE, disputed(ref="1002"), disputed()):
        teller.tell(step)
    assert advised(teller) == ("manual", None, "manual", "0.00")
    teller.tell(refused(decided("refund")))


def test_what_a_list_or_an_approval_says_after_the_end_reaches_its_case_with_the_next_run(engine: sa.Engine) -> None:
    for word in ("won", "approved"):
        with write(engine) as connection:
            stores.empty(connection)
        teller = Teller(World(engine).complete(), "charge")
        for step in (BOUGHT, SPENT, disputed(), decided("suspend"), MONEY_BACK, stage("lost")):
            teller.tell(step)
        assert statuses(engine) == {"charge": "resolved"}
        world = teller.world
        world.now += timedelta(hours=1)
        with write(engine) as connection:
            if word == "won":
                id_ = connection.execute(sa.select(schema_cases.disputes.c.id)).scalar_one()
                disputes.add_stage(connection, id_, "won", world.now, "a list", world.now, origin="import")
            else:
                known = world.settings.currency.equivalents
                named = (Money(1000, "WMZ"), "Ann", "ours")
                refunds.record(connection, "digiseller", "1001", *named, world.now, equivalents=known)
        world.judge()
        assert statuses(engine) == {"charge": "open"}, word
        with read(engine) as connection:
            assert teller.case(connection)["said"]["recommendation"] == "reinstate"


def approvals(engine: sa.Engine) -> dict[str, int]:
    """What was approved, by charge."""
    with read(engine) as connection:
        return {row.ref: row.amount_minor for row in connection.execute(sa.select(refund_approvals))}


def advised(teller: Teller) -> tuple[Any, ...]:
    """What the case says, and what its duplicate says: recommendation and refundable amount of each."""
    with read(teller.world.engine) as connection:
        case = case_document(connection, teller.case(connection)["id"], teller.world.now)
    [found] = [one for one in case["findings"] if one["kind"] == "duplicate_charge"]
    return tuple(one[name] for one in (case, found) for name in ("recommendation", "refundable_amount"))
