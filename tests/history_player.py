"""Plays a history to a store, step by step, and tells what a run left there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from jobs.reconcile import MAIN_FEEDS, SHOP_FEEDS, SWEEPS, Judged
from reconciler import schema
from reconciler.findings import OPEN
from reconciler.model import Gap, Page, Payment, Window
from reconciler.schema_cases import case_events, cases
from reconciler.schema_webhooks import webhooks
from reconciler.settings import Settings
from reconciler.store import disputes, webhook_gaps
from reconciler.store.engine import read, write
from reconciler.store.facts import begin_feed, end_feed, save_page
from reconciler.store.findings import dismiss, list_findings
from reconciler.store.needs import refs_to_read
from tests.builders import NOW, Approval, World, page_of, settings
from tests.histories import Dismissed, Pushed, Silence, Step

LEFT = (schema.matches, schema.bookings, schema.totals, schema.paid_counts, cases, case_events)
"""Tables of what was concluded, which hold nothing about the run that wrote them."""


def clear(engine: sa.Engine) -> None:
    """Begin anew."""
    with write(engine) as connection:
        tables = [one for one in reversed(schema.metadata.sorted_tables) if not one.name.startswith("audit_")]
        for table in [*tables, schema.changes]:  # the changes last: emptying the others is noted there
            connection.execute(sa.delete(table))


def configured(step: Step) -> Settings:
    """The configuration of a step."""
    off = {name: {"enabled": False} for name in MAIN_FEEDS if name not in step.enabled}
    both = {"digiseller": {"seller_id": 1, "api_key": "k"}, "tribute": {"api_key": "k"}}
    return settings(providers=both | off, policy={"grace_minutes": step.grace})


def take(engine: sa.Engine, step: Step) -> None:
    """Store what a step brings."""
    World(engine, now=step.now).add(*(fact for fact in step.facts if isinstance(fact, Approval)))
    with write(engine) as connection:
        for fact in step.facts:  # one by one: of two versions in one page only the last may count
            _TAKE.get(type(fact), _take_page)(connection, fact, step)
        for one in step.gone:
            row = schema.payments.c
            key = [row[name] == getattr(one, name) for name in Payment.__dataclass_fields__]
            connection.execute(sa.delete(schema.payments).where(*key))
        for name in (*MAIN_FEEDS.values(), *SWEEPS.values(), *SHOP_FEEDS) if step.read else ():
            begin_feed(connection, name, step.now)
            save_page(connection, Page(name, drained=Window(NOW - timedelta(days=10), step.now)), step.now)
            end_feed(connection, name, step.now, None)


def _take_page(connection: sa.Connection, fact: Any, step: Step) -> None:
    save_page(connection, page_of([fact]), step.now)


def _take_gap(connection: sa.Connection, gap: Gap, step: Step) -> None:
    save_page(connection, Page(MAIN_FEEDS["digiseller"], gap=gap), step.now)


def _take_dispute(connection: sa.Connection, new: disputes.NewDispute, step: Step) -> None:
    disputes.record(connection, new, "Ann", step.now)


def _take_pushed(connection: sa.Connection, one: Pushed, _step: Step) -> None:
    known = sa.update(webhooks).where(webhooks.c.key == one.key).values(state=one.state)
    if connection.execute(known).rowcount:
        return
    named = {"id": ord(one.key), "provider": "tribute", "name": "new_order", "key": one.key, "content": ""}
    said = {"method": "POST", "query": b"", "headers": "[]", "body": b"{}", "state": one.state, "result": ""}
    flags = {"late": False, "old_key": False, "deliveries": 1, "looks": 0}
    times = {"received_at": one.at, "last_received_at": one.at}
    connection.execute(sa.insert(webhooks).values(**named, **said, **flags, **times))


def _take_silence(connection: sa.Connection, one: Silence, step: Step) -> None:
    if one.there:
        webhook_gaps.add(connection, "tribute", one.reason, one.subject, one.since, step.now, step.now)
    else:
        webhook_gaps.remove(connection, "tribute", [one.reason], one.subject)


def _take_dismissed(connection: sa.Connection, one: Dismissed, step: Step) -> None:
    rows = list_findings(connection, status=OPEN)
    if rows:
        dismiss(connection, [rows[one.place % len(rows)]["id"]], "settled", step.now)


_TAKE: dict[type, Callable[[sa.Connection, Any, Step], None]] = {
    Approval: lambda _connection, _fact, _step: None,
    Gap: _take_gap,
    disputes.NewDispute: _take_dispute,
    Pushed: _take_pushed,
    Silence: _take_silence,
    Dismissed: _take_dismissed,
}


def wanted(engine: sa.Engine, step: Step, *, everywhere: bool) -> dict[str, Any]:
    """The looks that a pull would take now; `everywhere`: searched for as if there were no run yet."""
    with write(engine, keep=False) as connection:
        if everywhere:
            connection.execute(sa.delete(schema.judged))
        return {f"looks at {name}": refs_to_read(connection, name, step.now) for name in MAIN_FEEDS}


def outcome(engine: sa.Engine, judged: Judged) -> dict[str, Any]:
    """All that a run left and said."""
    with read(engine) as connection:
        kept = {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in LEFT
        }
        table = schema.finding_events
        columns = [column for column in table.columns if column.name != "run_id"]
        events = sa.select(*columns).order_by(table.c.finding_id, table.c.number)
        kept["findings"] = list_findings(connection)
        kept["events"] = [tuple(row) for row in connection.execute(events)]
    said = {name: sorted(getattr(judged.changes, name)) for name in ("opened", "changed", "reopened", "resolved")}
    return kept | {"statement": judged.statement, "said": said, "shown": judged.findings}
