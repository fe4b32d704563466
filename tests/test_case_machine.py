"""Whatever happens to a case, in whatever order: nothing is sent that nobody decided, nor twice, nor too much."""

import contextlib
import itertools
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reconciler.cases.model import ACTIONS, COMMANDED
from reconciler.errors import BadRecord
from reconciler.findings import public
from reconciler.policy.disputes import STAGES
from reconciler.schema import refund_approvals
from reconciler.schema_cases import case_events, cases, disputes
from reconciler.schema_told import commands, outbox
from reconciler.store import audit
from reconciler.store.engine import open_store, read
from reconciler.store.findings import list_findings
from tests import builders
from tests.builders import World
from tests.case_steps import BOUGHT, KNOWN_BUYER, MONEY_BACK, TWICE, UNDELIVERED
from tests.case_teller import Teller

WORLDS = st.sampled_from([BOUGHT, TWICE, UNDELIVERED, KNOWN_BUYER, MONEY_BACK])
DAYS = st.sampled_from([0.0, 0.2, 1.0, 2.0])


class Cases(RuleBasedStateMachine):
    """An operator, a bank and two feeds, each doing as it likes."""

    def __init__(self) -> None:
        """A store of its own, in mode auto: the mode with the most to go wrong."""
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_store(f"sqlite:///{Path(self.folder.name)}/s.db")
        auto = builders.settings(policy={"suspension_mode": "auto", "auto_limit_per_day": 1})
        world = World(self.engine, settings=auto).complete()
        world.judge()
        self.teller = Teller(world, "charge")
        self.lengths: dict[str, int] = {}

    def teardown(self) -> None:
        """Close the store."""
        self.engine.dispose()
        self.folder.cleanup()

    @rule(facts=WORLDS)
    def pulled(self, facts: tuple[object, ...]) -> None:
        self.teller.tell(facts)

    @rule(stage=st.sampled_from(STAGES), days=DAYS, amount=st.sampled_from([300, 1000, 1200]))
    def disputed(self, stage: str, days: float, amount: int) -> None:
        self.teller.tell(("disputed", stage, days, "10.4", {"amount": amount}))

    @rule(stage=st.sampled_from(STAGES), days=DAYS)
    def reached(self, stage: str, days: float) -> None:
        with read(self.engine) as connection:
            known = len(connection.execute(sa.select(disputes).where(disputes.c.ref == "1001")).all())
        if known == 1:
            self.teller.tell(("stage", stage, days))

    @rule(action=st.sampled_from(ACTIONS), amount=st.sampled_from([None, 1, 600, 1001]))
    def decided(self, action: str, amount: int | None) -> None:
        with contextlib.suppress(BadRecord, IndexError):
            self.teller.tell(("decided", action, {"amount": amount} if action == "refund" else {}))

    @rule()
    def reopened(self) -> None:
        with contextlib.suppress(BadRecord, IndexError):
            self.teller.tell(("reopened",))

    @rule(days=st.sampled_from([None, 0.5, 30.0]))
    def snoozed(self, days: float | None) -> None:
        with contextlib.suppress(BadRecord, IndexError):
            self.teller.tell(("snoozed", days))

    @rule(days=st.sampled_from([0.1, 1.0, 10.0]))
    def waited(self, days: float) -> None:
        self.teller.tell(("later", days))

    @invariant()
    def every_command_was_decided_and_none_is_doubled(self) -> None:
        with read(self.engine) as connection:
            made = list(connection.execute(sa.select(commands)))
            sent = [row.key for row in connection.execute(sa.select(outbox)) if row.channel == "command"]
            events = list(connection.execute(sa.select(case_events)))
        assert sorted(sent) == sorted(row.command_id for row in made)
        told = {row.after["command_id"]: row for row in events if row.event == "commanded"}
        word = [(row.case_id, row.at, row.actor) for row in events
                if row.event == "decided" and row.after["action"] in COMMANDED]  # fmt: skip
        assert set(told) == {row.command_id for row in made}
        assert sorted((row.case_id, row.made_at, row.decided_by) for row in made) == sorted(word)
        assert all(row.account_id == "acc" for row in made)

    @invariant()
    def no_refund_exceeds_its_charge(self) -> None:
        total = sa.func.sum(refund_approvals.c.amount_minor)
        with read(self.engine) as connection:
            sums = connection.execute(sa.select(refund_approvals.c.ref, total).group_by(refund_approvals.c.ref))
            assert all(int(amount) <= 1000 for _, amount in sums)

    @invariant()
    def a_chargebacks_finding_and_its_case_agree(self) -> None:
        with read(self.engine) as connection:
            said = {row.id: row.said for row in connection.execute(sa.select(cases))}
            found = [public(row) for row in list_findings(connection, kind="chargeback", status="open")]
        for row in found:
            told = said[row["case_id"]]
            assert (row["recommendation"], row["policy_clause"]) == (told["recommendation"], told["policy_clause"])

    @invariant()
    def the_brake_holds(self) -> None:
        with read(self.engine) as connection:
            times = sorted(row.made_at for row in connection.execute(sa.select(commands)) if row.mode == "auto")
        assert all((later - sooner).total_seconds() >= 24 * 3600 for sooner, later in itertools.pairwise(times))

    @invariant()
    def no_timeline_loses_an_entry(self) -> None:
        with read(self.engine) as connection:
            for id_ in connection.execute(sa.select(cases.c.id)).scalars():
                query = sa.select(case_events.c.number).where(case_events.c.case_id == id_)
                numbers = list(connection.execute(query.order_by(case_events.c.number)).scalars())
                assert numbers == list(range(1, len(numbers) + 1))
                assert len(numbers) >= self.lengths.get(id_, 1)
                self.lengths[id_] = len(numbers)
            assert audit.verify(connection) is None


def test_no_sequence_of_events_and_decisions_does_what_nobody_decided() -> None:
    quick = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Cases, settings=quick)


@pytest.mark.long
def test_no_sequence_does_in_many_more() -> None:
    many = settings(max_examples=120, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Cases, settings=many)
