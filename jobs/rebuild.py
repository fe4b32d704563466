"""Rebuilds facts in a scratch store: the raw records in the order in which they were read, parsed as the pull does."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from jobs.inbox import known_charges, remember
from providers.base import Known as Charge
from providers.base import Stored
from providers.imports.base import FEED, subject
from providers.stored import facts
from reconciler.columns import from_us
from reconciler.errors import BadRecord
from reconciler.model import ChargeState, Order, Page, Quarantined, RawRecord, Transaction
from reconciler.schema import payments, quarantine, raw_records
from reconciler.schema_replay import readings
from reconciler.store.bases import restore_base
from reconciler.store.facts import save_page
from reconciler.store.findings import parts
from reconciler.store.imports import Known
from reconciler.store.readings import members, units
from reconciler.store.run_inputs import kept_text

BATCH = 25
REMEMBERED = 10_000
CLOCKS = timedelta(days=1)
"""A record cannot have been read before it was there; clocks that were put back are no proof of that."""
_PARTS = ("transactions", "states", "signals", "orders", "accounts", "payments", "raws")
Head = tuple[str, str]


class Lost(BadRecord):
    """A record that a run rested on is gone, or cannot be understood any more; `read_at` says when it was read."""

    def __init__(self, what: str, read_at: datetime, *, gone: bool = False) -> None:
        """`what` names the record."""
        super().__init__(what)
        self.read_at, self.gone = read_at, gone


@dataclass(slots=True)
class _Pending:
    """The last look that showed what is known: the facts stay, and what is dated by the look moves on."""

    states: tuple[ChargeState, ...]
    read_at: datetime | None = None


@dataclass
class Rebuild:
    """Brings a scratch store to where the log of readings had come; `changed` names records changed by hand."""

    source: sa.Connection
    target: sa.Connection
    notify: Callable[[str], None]
    changed: list[str] = field(default_factory=list)
    done: int = 0
    records: int = 0
    _lists: dict[str, str] = field(default_factory=dict)
    _bodies: dict[int, Any] = field(default_factory=dict)
    _owners: dict[Head, str] = field(default_factory=dict)
    _heads: dict[str, Head] = field(default_factory=dict)
    _looks: dict[Head, _Pending] = field(default_factory=dict)
    _known: dict[tuple[str, str], dict[str, Charge]] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)

    def begin_with(self, base: Any) -> None:
        """Begin with the facts of a base, in place of all that was read before it."""
        restore_base(self.source, self.target, base)
        self.done = base.reading

    def until(self, last: int) -> None:
        """Read on up to a place in the log; raises Lost."""
        while batch := self._next(last):
            said = [(row, self._said(row.said)) for row in batch]
            self._fetch(said)
            for row, what in said:
                self._apply(row, what)
            self.done = batch[-1].id
            self.notify(f"{self.records:,} raw records read again, up to {batch[-1].at:%Y-%m-%d %H:%M} UTC")
        for head in list(self._looks):
            self._catch_up(head)

    def _next(self, last: int) -> Sequence[Any]:
        query = sa.select(readings).where(readings.c.id > self.done, readings.c.id <= last)
        return self.source.execute(query.order_by(readings.c.id).limit(BATCH)).all()

    def _said(self, text: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(text)
        looks = said.get("looks", [])
        said["looks"] = [(us, self._list(one[1:]) if one[:1] == "#" else one) for us, one in looks]
        return said

    def _list(self, digest: str) -> str:
        if digest not in self._lists:
            if len(self._lists) >= REMEMBERED:
                self._lists.clear()
            self._lists[digest] = kept_text(self.source, digest)
        return self._lists[digest]

    def _fetch(self, said: Iterable[tuple[Any, dict[str, Any]]]) -> None:
        """The raw records of some readings, less those whose looks showed nothing new."""
        wanted = {
            id_
            for _, what in said
            for us, text in what["looks"]
            for unit in units(text)
            if us is None or not self._is_known(unit)
            for id_, _ in members(unit)
        }
        self._bodies = {}
        self._read(sorted(wanted))

    def _read(self, ids: Sequence[int]) -> None:
        for part in parts(ids):
            for row in self.source.execute(sa.select(raw_records).where(raw_records.c.id.in_(part))):
                self._bodies[row.id] = row

    def _is_known(self, unit: str) -> bool:
        head = self._heads.get(unit)
        return head is not None and self._owners.get(head) == unit

    def _apply(self, row: Any, said: dict[str, Any]) -> None:
        pages: list[Page] = []
        self._known, self._given = {}, set()
        for us, text in said["looks"]:
            for unit in units(text):
                if us is not None and self._is_known(unit):
                    self._looks[self._heads[unit]].read_at = from_us(us)
                    continue
                stored = self._stored(unit, row, us)
                alone = us is None or _depends(stored[0])
                head = self._take_over(stored[0], None if alone else unit)
                pages += self._facts(stored)
                if not alone:
                    self._looks[head] = _Pending(pages[-1].states)
        pages.append(self._missing(said.get("missing", [])))
        self._save(row, pages, said.get("aside", []))
        self._leave(row, said)

    def _stored(self, unit: str, row: Any, us: int | None) -> list[Stored]:
        read_at = row.at if us is None else from_us(us)
        return [self._record(id_, how, row, read_at) for id_, how in members(unit)]

    def _record(self, id_: int, how: str, row: Any, read_at: datetime) -> Stored:
        if id_ not in self._bodies:
            self._read([id_])
        raw = self._bodies.get(id_)
        if raw is None or raw.first_seen_at > row.at + CLOCKS:
            raise Lost(f"raw record {id_} of {row.feed}", row.at, gone=True)
        name = f"{raw.source} {raw.key}"
        if hashlib.sha256(raw.body.encode()).hexdigest() != raw.digest and name not in self.changed:
            self.changed.append(name)
        self.records += 1
        try:
            body = json.loads(raw.body, parse_float=Decimal)
        except ValueError:
            raise Lost(f"{name} is no JSON any more", row.at) from None
        return Stored(raw.provider, raw.source, raw.key, body, read_at, how)

    def _facts(self, unit: Sequence[Stored]) -> Iterator[Page]:
        first = unit[0]
        try:
            for record, page in zip(unit, facts(unit, self._charges), strict=False):
                yield self._imported(record, page) if record.source.startswith(FEED) else replace(page, raws=())
                for charge in page.transactions if _depends(record) else ():
                    remember(self._charges(charge.provider, charge.group_ref or charge.ref), charge)
        except BadRecord as error:
            raise Lost(f"{first.source} {first.key} cannot be understood any more ({error})", first.read_at) from None

    def _charges(self, provider: str, ref: str) -> dict[str, Charge]:
        """The charges that were known of a ref before this page, and those of the events before it in the page."""
        if (provider, ref) not in self._known:
            self._known[provider, ref] = known_charges(self.target, provider, ref)
        return self._known[provider, ref]

    def _imported(self, record: Stored, page: Page) -> Page:
        """What of an imported row told something new; an import never overrules a provider, nor an earlier row."""
        told: list[Transaction | Order] = [*page.transactions, *page.orders]
        known = Known(self.target, record.provider, record.source, told)
        new = [fact for fact in told if subject(fact) not in self._given and known.standing(fact).new]
        self._given.update(map(subject, told))
        return Page(
            record.source,
            transactions=tuple(fact for fact in new if isinstance(fact, Transaction)),
            orders=tuple(fact for fact in new if isinstance(fact, Order)),
            raws=(RawRecord(record.provider, record.source, record.key, {}),),
        )

    def _take_over(self, record: Stored, unit: str | None) -> Head:
        """Something else is about to be said: what was only looked at again since comes first."""
        head = _head(record.provider, record.key)
        self._forget(head)
        if unit is not None:
            self._owners[head], self._heads[unit] = unit, head
        return head

    def _forget(self, head: Head) -> None:
        self._catch_up(head)
        self._looks.pop(head, None)
        self._owners.pop(head, None)

    def _catch_up(self, head: Head) -> None:
        """Move on what is dated by the look: all else a look at what is known leaves as it is."""
        look = self._looks.get(head)
        if look is None or look.read_at is None or not look.states:
            return
        read_at, look.read_at = look.read_at, None
        states = tuple(replace(state, read_at=read_at) for state in look.states)
        save_page(self.target, Page("looks", states=states), read_at)

    def _missing(self, told: Sequence[Sequence[Any]]) -> Page:
        for provider, ref, _ in told:
            self._forget(_head(provider, ref))
        states = (ChargeState(provider, ref, from_us(us), found=False) for provider, ref, us in told)
        return Page("missing", states=tuple(states))

    def _save(self, row: Any, pages: Sequence[Page], aside: Sequence[Sequence[str]] = ()) -> None:
        said: dict[str, Any] = {name: tuple(one for page in pages for one in getattr(page, name)) for name in _PARTS}
        held = tuple(Quarantined(provider, source, key, reason, {}) for provider, source, key, reason in aside)
        if held or any(said.values()):
            save_page(self.target, replace(Page(row.feed, quarantined=held), **said), row.at)

    def _leave(self, row: Any, said: dict[str, Any]) -> None:
        """What left quarantine, and the payments that the shop took away."""
        for provider, source, key in said.get("released", []):
            held = quarantine.c
            mine = (held.provider == provider, held.source == source, held.key == key)
            self.target.execute(sa.update(quarantine).where(*mine).values(released_at=row.at))
        for key in said.get("gone", []):
            mine = tuple(column == value for column, value in zip(payments.columns, key, strict=True))
            self.target.execute(sa.delete(payments).where(*mine))


def _depends(record: Stored) -> bool:
    """Whether what a record says depends on what is known by then: an event's, or a row's of a file."""
    return record.source.endswith(".webhooks") or record.source.startswith(FEED)


def _head(provider: str, key: str) -> Head:
    """What records of one charge or order have in common."""
    return provider, key.partition(":")[0]
