"""Works through the inbox of webhooks: events become facts; where one is only a hint, the provider's API is asked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from jobs.pull import joined
from providers.base import Known, Provider, Receiver, Situation, Told
from reconciler.errors import BadRecord, NeedsOperator, Retryable
from reconciler.model import Kind, Page, Quarantined
from reconciler.store import inbox, webhook_gaps
from reconciler.store.engine import read, write
from reconciler.store.facts import save_page
from reconciler.store.inbox import Outcome
from reconciler.webhooks import Delivery, shown_or_note

log = structlog.get_logger()
FAULT = "a fault of this program"
"""What is put aside for it keeps back no other event; the log has the whole of it."""
BATCH = 50
LOOKS = 100
WAITS = tuple(timedelta(seconds=wait_s) for wait_s in (5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600))
"""How long until an order is asked about again that does not show yet what its event said; then a person is told."""
DENIALS = 4
"""How often an order that the API denies is asked about: it may only be a moment too early."""
UNREACHED = timedelta(minutes=1)
CONTRADICTION = "the same event came before with other money or other ids; both are kept, the first one counts"

COMPARE = "it came later than any retry explains: compare with the provider's dashboard before anybody acts on it"
"""What no API can confirm, a person has to: the event may be a copy that somebody kept (reliability F28)."""


@dataclass
class Inbox:
    """One pass over everything that is due. `providers` are asked only where an event is a hint.

    `give_way` is called between two batches: what comes in meanwhile must find room in the storage.
    """

    engine: sa.Engine
    receivers: Mapping[str, Receiver]
    providers: Callable[[], Iterable[Provider]]
    now: Callable[[], datetime]
    stopped: Callable[[], bool] = lambda: False
    give_way: Callable[[], None] = lambda: None
    problems: list[str] = field(default_factory=list)

    def work(self) -> list[str]:
        """Read all events that wait, then look at the orders they hint at; returns what went wrong.

        Told to stop, it still reads the first few: so there is progress even where it is told so each time. What comes
        in meanwhile is for the next pass.
        """
        begun = self.now()
        while self._read_batch(begun) and not self.stopped():
            self.give_way()
        with read(self.engine) as connection:
            hints = [
                row
                for state in (inbox.LOOKING, inbox.DENIED)
                for row in inbox.due(connection, self.receivers, state, self.now(), LOOKS)
            ]
        if hints and not self.stopped():
            for provider in self.providers():
                self._look(provider, [row for row in hints if row.provider == provider.name])
        return self.problems

    def _read_batch(self, begun: datetime) -> bool:
        """Read the next events that were due then, in one transaction; returns whether there were any."""
        now = self.now()
        with write(self.engine) as connection:
            rows = inbox.due(connection, self.receivers, inbox.WAITING, begun, BATCH)
            known, second = _known(connection, rows), inbox.contradicting(connection, rows)
            read_ones = [self._first(row, known[row.provider, row.ref], row.id in second, now) for row in rows]
            if rows:
                save_page(connection, joined([page for page, _ in read_ones]), now)
                inbox.settle(connection, [outcome for _, outcome in read_ones], now)
        return bool(rows)

    def _first(self, row: Any, charges: dict[str, Known], second: bool, now: datetime) -> tuple[Page, Outcome]:
        if second:
            return Page(f"{row.provider}.webhooks"), Outcome(row.id, inbox.CONFLICT, CONTRADICTION)
        told = self._told(row, Situation(row.received_at, charges))
        if isinstance(told, str):
            return self._aside(row, row.ref or row.key, told), Outcome(row.id, inbox.UNREADABLE, told)
        if not told.understood:
            return self._aside(row, row.name, told.note), Outcome(row.id, inbox.UNKNOWN, told.note)
        for charge in told.page.transactions:
            remember(charges, charge)
        if told.look is not None:
            return told.page, Outcome(row.id, inbox.LOOKING, told.note, due_at=now)
        asked = row.late and told.page.transactions
        return told.page, Outcome(row.id, inbox.DONE, f"{told.note}; {COMPARE}" if asked else told.note)

    def _look(self, provider: Provider, rows: Sequence[Any]) -> None:
        """Ask about each order once, and settle every event about it; those that could not be asked wait a little."""
        waiting = {row.id: row for row in rows}
        refs = list(dict.fromkeys(row.ref for row in rows))
        try:
            for page in provider.read(refs) if refs else ():
                seen = {state.ref: state.found for state in page.states}
                self._settle(page, [waiting.pop(row.id) for row in rows if row.ref in seen and row.id in waiting], seen)
                if self.stopped():
                    return
            self._unanswered(waiting.values())
        except (Retryable, NeedsOperator) as error:
            self.problems.append(f"{provider.name}.webhooks: {error}")
            with write(self.engine) as connection:
                inbox.postpone(connection, waiting, self.now() + UNREACHED)

    def _unanswered(self, rows: Iterable[Any]) -> None:
        """The API was asked, and its answer was put aside: a person is told of that, and the event waits."""
        now = self.now()
        with write(self.engine) as connection:
            notes = [self._not_yet(connection, row, "the API's answer could not be understood", now) for row in rows]
            inbox.settle(connection, notes, now)

    def _settle(self, page: Page, rows: Sequence[Any], seen: Mapping[str, bool]) -> None:
        now = self.now()
        with write(self.engine) as connection:
            save_page(connection, page, now)
            known = _known(connection, rows)
            outcomes = [
                self._after_look(connection, row, known[row.provider, row.ref], seen[row.ref], now) for row in rows
            ]
            inbox.settle(connection, outcomes, now)

    def _after_look(
        self, connection: sa.Connection, row: Any, charges: dict[str, Known], found: bool, now: datetime
    ) -> Outcome:
        told = self._told(row, Situation(row.received_at, charges, looked=True))
        if isinstance(told, str):
            save_page(connection, self._aside(row, row.ref, told), now)
            return Outcome(row.id, inbox.UNREADABLE, told, row.looks + 1)
        save_page(connection, told.page, now)
        if not found:
            return self._denied(connection, row, now)
        webhook_gaps.remove(connection, row.provider, (webhook_gaps.DENIED,), row.ref)
        if told.look is None:
            webhook_gaps.remove(connection, row.provider, (webhook_gaps.UNCONFIRMED,), row.ref)
            return Outcome(row.id, inbox.DONE, told.note, row.looks + 1)
        return self._not_yet(connection, row, told.note, now)

    def _denied(self, connection: sa.Connection, row: Any, now: datetime) -> Outcome:
        looks = row.looks + 1
        self._gap(connection, row, webhook_gaps.DENIED, now)
        due_at = now + WAITS[looks] if looks < DENIALS else None
        return Outcome(row.id, inbox.DENIED, "the API knows no such sale", looks, due_at)

    def _not_yet(self, connection: sa.Connection, row: Any, note: str, now: datetime) -> Outcome:
        looks = row.looks + 1
        if looks < len(WAITS):
            return Outcome(row.id, inbox.LOOKING, note, looks, now + WAITS[looks])
        self._gap(connection, row, webhook_gaps.UNCONFIRMED, now)
        return Outcome(row.id, inbox.UNCONFIRMED, note, looks)

    def _told(self, row: Any, situation: Situation) -> Told | str:
        """What an event says, or why it cannot be read: its own fault, or ours, which the log has the whole of."""
        try:
            return self.receivers[row.provider].read(_delivery(row), situation)
        except BadRecord as error:
            return str(error)
        except Exception as error:
            log.exception("an event could not be read", number=row.id)
            return f"{FAULT}: {type(error).__name__}"

    def _aside(self, row: Any, key: str, reason: str) -> Page:
        source = f"{row.provider}.webhooks"
        shown = shown_or_note(self.receivers[row.provider].shown, _delivery(row))
        aside = Quarantined(row.provider, source, key, f"{row.name}: {reason}", shown)
        return Page(source, quarantined=(aside,))

    def _gap(self, connection: sa.Connection, row: Any, reason: str, now: datetime) -> None:
        webhook_gaps.add(connection, row.provider, reason, row.ref, row.received_at, now, now)


def _delivery(row: Any) -> Delivery:
    return Delivery(row.method, row.query, (), row.body)


def _known(connection: sa.Connection, rows: Iterable[Any]) -> defaultdict[tuple[str, str | None], dict[str, Known]]:
    """The stored charges that events are about, by provider and the events' ref."""
    refs: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.ref is not None:
            refs[row.provider].add(row.ref)
    known: defaultdict[tuple[str, str | None], dict[str, Known]] = defaultdict(dict)
    for provider, wanted in refs.items():
        for row in inbox.charges_of(connection, provider, wanted):
            remember(known[provider, row.group_ref], row)
    return known


def known_charges(connection: sa.Connection, provider: str, ref: str) -> dict[str, Known]:
    """The stored charges of one ref or order, by their own refs: what an event about it has to fit."""
    known: dict[str, Known] = {}
    for row in inbox.charges_of(connection, provider, [ref]):
        remember(known, row)
    return known


def remember(charges: dict[str, Known], row: Any) -> None:
    """Take a charge into account for the events after this one; one that the API showed stays as it is."""
    there = charges.get(row.ref)
    if row.kind == Kind.CHARGE and not (there and there.listed and not row.listed):
        charges[row.ref] = Known(row.ref, row.status, row.amount_minor, row.currency, row.occurred_at, row.listed)
