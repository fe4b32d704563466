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
from reconciler.webhooks import Delivery

BATCH = 200
LOOKS = 100
WAITS = tuple(timedelta(seconds=wait_s) for wait_s in (5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600))
"""How long until an order is asked about again that does not show yet what its event said; then a person is told."""
DENIALS = 4
"""How often an order that the API denies is asked about: it may only be a moment too early."""
UNREACHED = timedelta(minutes=1)
log = structlog.get_logger()


@dataclass
class Inbox:
    """One pass over everything that is due. `providers` are asked only where an event is a hint."""

    engine: sa.Engine
    receivers: Mapping[str, Receiver]
    providers: Callable[[], Iterable[Provider]]
    now: Callable[[], datetime]
    stopped: Callable[[], bool] = lambda: False
    problems: list[str] = field(default_factory=list)

    def work(self) -> list[str]:
        """Read all events that wait, then look at the orders they hint at; returns what went wrong."""
        while not self.stopped() and self._read_batch():
            pass
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

    def _read_batch(self) -> bool:
        """Read the next events in one transaction; returns whether there were any."""
        now = self.now()
        with write(self.engine) as connection:
            rows = inbox.due(connection, self.receivers, inbox.WAITING, now, BATCH)
            known = _known(connection, rows)
            pages = [self._first(connection, row, known[row.provider, row.ref], now) for row in rows]
            if pages:
                save_page(connection, joined(pages), now)
        return bool(rows)

    def _first(self, connection: sa.Connection, row: Any, charges: dict[str, Known], now: datetime) -> Page:
        if inbox.is_second(connection, row):
            result = "the same event came before with other money or other ids; both are kept, the first one counts"
            inbox.settle(connection, row, now, inbox.CONFLICT, result)
            return Page(f"{row.provider}.webhooks")
        try:
            told = self._told(row, Situation(row.received_at, charges))
        except BadRecord as error:
            inbox.settle(connection, row, now, inbox.UNREADABLE, str(error))
            return self._aside(row, row.ref or row.key, f"{row.name}: {error}")
        if not told.understood:
            inbox.settle(connection, row, now, inbox.UNKNOWN, told.note)
            return self._aside(row, row.name, told.note)
        for charge in told.page.transactions:
            _remember(charges, charge)
        if told.look is None:
            inbox.settle(connection, row, now, inbox.DONE, told.note)
        else:
            inbox.settle(connection, row, now, inbox.LOOKING, told.note, due_at=now)
        return told.page

    def _look(self, provider: Provider, rows: Sequence[Any]) -> None:
        """Ask about each order once, and settle every event about it; those that could not be asked wait a little."""
        waiting = {row.id: row for row in rows}
        refs = list(dict.fromkeys(row.ref for row in rows))
        try:
            for page in provider.read(refs) if refs else ():
                seen = {state.ref: state.found for state in page.states}
                asked = [row for row in waiting.values() if row.ref in seen]
                self._settle(page, asked, seen)
                for row in asked:
                    del waiting[row.id]
                if self.stopped():
                    return
            self._unanswered(waiting.values())
        except (Retryable, NeedsOperator) as error:
            self.problems.append(f"{provider.name}.webhooks: {error}")
            log.warning(
                "an event waits for the provider", provider=provider.name, waiting=len(waiting), error=str(error)
            )
            with write(self.engine) as connection:
                inbox.postpone(connection, waiting, self.now() + UNREACHED)

    def _unanswered(self, rows: Iterable[Any]) -> None:
        """The API was asked, and its answer was put aside: a person is told of that, and the event waits."""
        now = self.now()
        with write(self.engine) as connection:
            for row in rows:
                self._not_yet(connection, row, "the API's answer could not be understood", row.looks + 1, now)

    def _settle(self, page: Page, rows: Sequence[Any], seen: Mapping[str, bool]) -> None:
        now = self.now()
        with write(self.engine) as connection:
            save_page(connection, page, now)
            known = _known(connection, rows)
            for row in rows:
                self._after_look(connection, row, known[row.provider, row.ref], seen[row.ref], now)

    def _after_look(
        self, connection: sa.Connection, row: Any, charges: dict[str, Known], found: bool, now: datetime
    ) -> None:
        try:
            told = self._told(row, Situation(row.received_at, charges, looked=True))
        except BadRecord as error:
            inbox.settle(connection, row, now, inbox.UNREADABLE, str(error))
            save_page(connection, self._aside(row, row.ref, f"{row.name}: {error}"), now)
            return
        save_page(connection, told.page, now)
        looks = row.looks + 1
        if not found:
            last = looks >= DENIALS
            due_at = None if last else now + WAITS[looks]
            inbox.settle(connection, row, now, inbox.DENIED, "the API knows no such order", due_at=due_at, looks=looks)
            self._gap(connection, row, webhook_gaps.DENIED, now)
            return
        webhook_gaps.remove(connection, row.provider, (webhook_gaps.DENIED, webhook_gaps.UNCONFIRMED), row.ref)
        if told.look is None:
            inbox.settle(connection, row, now, inbox.DONE, told.note, looks=looks)
        else:
            self._not_yet(connection, row, told.note, looks, now)

    def _not_yet(self, connection: sa.Connection, row: Any, note: str, looks: int, now: datetime) -> None:
        if looks < len(WAITS):
            inbox.settle(connection, row, now, inbox.LOOKING, note, due_at=now + WAITS[looks], looks=looks)
            return
        inbox.settle(connection, row, now, inbox.UNCONFIRMED, note, looks=looks)
        self._gap(connection, row, webhook_gaps.UNCONFIRMED, now)

    def _told(self, row: Any, situation: Situation) -> Told:
        return self.receivers[row.provider].read(_delivery(row), situation)

    def _aside(self, row: Any, key: str, reason: str) -> Page:
        source = f"{row.provider}.webhooks"
        body = self.receivers[row.provider].shown(_delivery(row))
        return Page(source, quarantined=(Quarantined(row.provider, source, key, reason, body),))

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
            _remember(known[provider, row.group_ref], row)
    return known


def _remember(charges: dict[str, Known], row: Any) -> None:
    """Take a charge into account for the events after this one; one that the API showed stays as it is."""
    there = charges.get(row.ref)
    if row.kind == Kind.CHARGE and not (there and there.listed and not row.listed):
        charges[row.ref] = Known(row.ref, row.status, row.amount_minor, row.currency, row.occurred_at, row.listed)
