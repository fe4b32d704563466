"""Tells what happens to cases to a store, as operators and feeds would; for stories and for the state machine."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.cases import states
from reconciler.cases.model import Case, Decision
from reconciler.cases.states import Moved
from reconciler.errors import BadRecord
from reconciler.money import Money
from reconciler.policy import stated_reason
from reconciler.schema_cases import case_events, cases, disputes, reviews
from reconciler.schema_told import audit_records, commands, outbox
from reconciler.store import disputes as dispute_store
from reconciler.store.automatic import act
from reconciler.store.cases import change_case, charge_root, follow_cases, open_case, reopen_case
from reconciler.store.decisions import decide_case
from reconciler.store.engine import read, write
from reconciler.store.reviews import NewReview, add_review
from tests.builders import BUYER, NOW, World
from tests.case_steps import Step


@dataclass
class Teller:
    """Tells a story to the store, step by step, as an operator and the feeds would."""

    world: World
    about: str
    ref: str = "1001"

    def tell(self, step: Step) -> None:
        """Do one step."""
        getattr(self, f"_{step[0]}")(*step[1:])

    def _facts(self, given: tuple[Any, ...]) -> None:
        self.world.add(*given).judge()

    def _later(self, days: float) -> None:
        self.world.now += timedelta(days=days)
        self.world.complete().judge()

    def _disputed(self, stage: str, days: float, reason: str, more: dict[str, Any]) -> None:
        money = Money(more.get("amount", 1000), more.get("currency", "WMZ"))
        key = (more.get("provider", "digiseller"), more.get("ref", "1001"))
        opened = NOW - timedelta(days=days)
        new = dispute_store.NewDispute(*key, money, reason, opened, stage, origin=more.get("origin", "operator"))
        with write(self.world.engine) as connection:
            dispute_store.record(connection, new, "Ann", self._tick())
            self._follow(connection, open_case(connection, charge_root(*key), self.world.now, key=key))
        if more.get("run", True):
            self.world.judge()

    def _stage(self, name: str, days: float) -> None:
        with write(self.world.engine) as connection:
            row = connection.execute(sa.select(disputes).where(disputes.c.ref == "1001")).mappings().one()
            at = self._tick() - timedelta(days=days)
            dispute_store.add_stage(connection, row["id"], name, at, "Ann", self.world.now)
            root = charge_root(row["provider"], "1001")
            self._follow(connection, open_case(connection, root, self.world.now))
        self.world.judge()

    def _asked(self, text: str, more: dict[str, Any]) -> None:
        new = NewReview(
            self._tick() - timedelta(days=more.get("days", 0)),
            order=more.get("order", "1001"),
            email=more.get("email", BUYER),
            account_id=more.get("account", ""),
            text=text,
            reason=_reason(text),
        )
        with write(self.world.engine) as connection:
            self._follow(connection, add_review(connection, self.world.settings, new, self.world.now)["case_id"])

    def _decided(self, action: Any, more: dict[str, Any]) -> None:
        with write(self.world.engine) as connection:
            wanted = Decision(action, "Olga", f"{action} at {self._tick()}", self.world.now, more.get("amount"))
            decide_case(connection, self.world.settings, self.case(connection)["id"], wanted)

    def _reopened(self) -> None:
        with write(self.world.engine) as connection:
            reopen_case(connection, self.case(connection)["id"], "Olga", "again", self._tick())

    def _snoozed(self, days: float | None) -> None:
        def aside(one: Case, row: Any) -> Moved:
            until = None if days is None else self.world.now + timedelta(days=days)
            return states.snooze(one, until, None if until else row["amount_minor"] or 0, "Olga", "", self.world.now)

        with write(self.world.engine) as connection:
            change_case(connection, self.case(connection)["id"], aside, self._tick())

    def _refused(self, step: Step) -> None:
        before = snapshot(self.world.engine)
        with pytest.raises(BadRecord):
            self.tell(step)
        assert snapshot(self.world.engine) == before

    def case(self, connection: sa.Connection) -> Any:
        """The case that the story is about."""
        roots = sa.select(cases).where(cases.c.root.startswith("review:" if self.about == "review" else "charge:"))
        rows = connection.execute(roots.order_by(cases.c.opened_at)).mappings().all()
        return next((row for row in rows if row["ref"] == self.ref), rows[0])

    def _follow(self, connection: sa.Connection, id_: str) -> None:
        followed = follow_cases(connection, self.world.settings, {id_}, self.world.now)
        act(connection, self.world.settings, followed.seen.values(), self.world.now)

    def _tick(self) -> datetime:
        """Two things never happen in the same moment."""
        self.world.now += timedelta(seconds=1)
        return self.world.now


def _reason(text: str) -> str:
    return stated_reason(text)


def snapshot(engine: sa.Engine) -> dict[str, int]:
    """How much is on record of everything that a decision writes."""
    with read(engine) as connection:
        counted = (cases, case_events, commands, outbox, reviews, disputes, audit_records)
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in counted
        }
