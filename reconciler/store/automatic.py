"""Carries out what the policy may do by itself in mode `auto`, under the daily limit and the brake."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from reconciler.cases.automatic import WINDOW, Plan, plan
from reconciler.cases.model import PROGRAM, Case, Decision, Entry, Facts, Picture
from reconciler.schema import runs
from reconciler.schema_cases import case_events
from reconciler.schema_told import commands
from reconciler.settings import Settings
from reconciler.store.alerts import raise_alert
from reconciler.store.cases import append
from reconciler.store.decisions import Decided, decide_case

AUTO = "auto"


def act(
    connection: sa.Connection,
    settings: Settings,
    seen: Collection[tuple[Case, Facts, Picture]],
    now: datetime,
) -> list[Decided]:
    """Decide the cases that may go by themselves; over the limit none of them goes, and a person is called once."""
    policy = settings.policy
    if policy.suspension_mode != AUTO:
        return []
    planned = plan(
        [one for one in seen if not _is_braked(connection, one[0].id)],
        effects=policy.auto_effects,
        limit=policy.auto_limit_per_day,
        sent=_sent(connection, now),
        first_run_at=_first_run(connection),
    )
    if planned.braked:
        _brake(connection, planned, policy.auto_limit_per_day, now)
    done = []
    for one in planned.go:
        for effect in one.effects:
            wanted = Decision(effect, PROGRAM, "every check of policy 7 passed", now, mode=AUTO)
            further = effect != one.effects[0]
            done.append(decide_case(connection, settings, one.case_id, wanted, further=further))
    return done


def _sent(connection: sa.Connection, now: datetime) -> int:
    """Automatic commands of the last 24 hours, whatever became of them."""
    query = sa.select(sa.func.count()).select_from(commands)
    recent = query.where(commands.c.mode == AUTO, commands.c.made_at > now - WINDOW)
    return int(connection.execute(recent).scalar_one())


def _first_run(connection: sa.Connection) -> datetime | None:
    query = sa.select(runs.c.finished_at).where(runs.c.finished_at.is_not(None)).order_by(runs.c.finished_at).limit(1)
    return connection.execute(query).scalar()


def _is_braked(connection: sa.Connection, id_: str) -> bool:
    """A case that was held back once waits for a person, also when there is room again."""
    query = sa.select(case_events.c.number).where(case_events.c.case_id == id_, case_events.c.event == "braked")
    return connection.execute(query).first() is not None


def _brake(connection: sa.Connection, planned: Plan, limit: int, now: datetime) -> None:
    note = f"not sent by itself: more than {limit} automatic commands in 24 hours were due; a person has to decide"
    for one in planned.held:
        append(connection, one.case_id, [Entry(now, PROGRAM, "braked", note, {}, {"proposals": list(one.effects)})])
    raise_alert(
        connection,
        f"brake:{now:%Y-%m-%d}",
        "critical",
        "Automatic suspensions are held back",
        f"More than {limit} automatic commands were due within 24 hours, so none of the last ones was sent: a feed may "
        f"be wrong. Look at the cases (`reconciler cases list`) and decide them by hand.",
        now,
    )
