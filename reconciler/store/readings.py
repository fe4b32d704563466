"""Keeps the log of what was read: which raw records, when, and what no record tells; a replay reads it again.

A page that shows what is known leaves nothing in the log, unless its facts are dated by the look. What a reading says
is JSON with up to five lists:

- `looks`: when, in microseconds (null: as the page was stored), and which raw records. Records that were read together
  stand in one unit, `12,13p`, units are parted by semicolons; the letter is the provider's own, `5-9` are five units.
  A long list stands among the kept texts, `#` and its digest stand for it.
- `missing`: references that a provider was asked for and does not know, with the time of the look.
- `aside`, `released`: what went into quarantine, with the reason, and what left it.
- `gone`: payments that the shop does not show any more.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from reconciler.columns import to_us
from reconciler.model import Page, Payment, RawRecord
from reconciler.schema import raw_records
from reconciler.schema_replay import kept_texts, readings
from reconciler.store.upsert import insert_new, staged, upsert_changed
from reconciler.text import body_text

LONG = 64
"""A list of dated looks that is longer is kept once: most looks show the same records again."""
_NAMES = ("provider", "source", "key", "digest", "body", "first_seen_at", "current")
_MEMBER = re.compile(r"([0-9]+)([a-z]?)")
Key = tuple[str, ...]


@dataclass(slots=True)
class Beside:
    """What storing a page did that its raw records do not tell."""

    paid: set[Key] = field(default_factory=set)
    gone: list[Key] = field(default_factory=list)
    aside: list[Key] = field(default_factory=list)
    released: list[Key] = field(default_factory=list)


def save_records(connection: sa.Connection, page: Page, beside: Beside, now: datetime) -> list[tuple[int, RawRecord]]:
    """Store the raw records of a page; returns those that the log has to name, in the order of the page."""
    rows, names = [], []
    for raw in page.raws:
        text = body_text(raw.body)
        names.append((raw.provider, raw.source, raw.key, hashlib.sha256(text.encode()).hexdigest()))
        rows.append((*names[-1], text, now, True))
    news = upsert_changed(
        connection,
        raw_records,
        rows,
        ("id", *_NAMES[:4]),
        columns=_NAMES,
        changes=lambda _table, new: {"current": new.current},
    )
    ids: dict[Key, int] = {tuple(row[1:]): row[0] for row in news}
    if news:
        _supersede(connection)
    wanted = [place for place, name in enumerate(names) if name in ids or _counts(page, place, beside)]
    wanted = sorted({*wanted, *_repeated(names)})
    if any(names[place] not in ids for place in wanted):
        ids |= _ids(connection)
    return [(ids[names[place]], page.raws[place]) for place in wanted]


def note_reading(
    connection: sa.Connection, page: Page, records: Sequence[tuple[int, RawRecord]], beside: Beside, now: datetime
) -> None:
    """Write down what storing a page came to; nothing where it showed only what is known."""
    missing = [(one.provider, one.ref, to_us(one.read_at)) for one in page.states if not one.found]
    said = {
        "looks": [[at_us, text if at_us is None else _kept(connection, text)] for at_us, text in _looks(records)],
        "missing": missing,
        "aside": beside.aside,
        "released": beside.released,
        "gone": beside.gone,
    }
    if any(said.values()):
        text = json.dumps({name: value for name, value in said.items() if value}, separators=(",", ":"))
        connection.execute(sa.insert(readings).values(at=now, feed=page.feed, said=text))


def units(text: str) -> Iterator[str]:
    """The units of a list of looks."""
    for part in text.split(";"):
        first, _, last = part.partition("-")
        yield from map(str, range(int(first), int(last) + 1)) if last else (part,)


def members(unit: str) -> list[tuple[int, str]]:
    """The raw records of a unit by their ids, each with the provider's letter."""
    return [(int(number), how) for number, how in _MEMBER.findall(unit)]


def key_of(payment: Payment) -> Key:
    """A payment in the log."""
    return payment.order_id, payment.provider, payment.provider_ref


def _counts(page: Page, place: int, beside: Beside) -> bool:
    """Whether a look at what is known already has an effect."""
    raw = page.raws[place]
    if page.payments:
        return key_of(page.payments[place]) in beside.paid
    return raw.read_at is not None or raw.how != ""


def _repeated(names: Sequence[Key]) -> set[int]:
    """The places of records that a page shows in several forms: it depends on the order which of them counts."""
    places: dict[Key, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name[:3], []).append(place)
    return {place for same in places.values() if len(same) > 1 for place in same}


def _supersede(connection: sa.Connection) -> None:
    """Of each record that was just stored, no earlier form is the current one any more."""
    given, row = staged(raw_records, _NAMES), raw_records.alias("earlier")
    same = sa.and_(*(row.c[name] == given.c[name] for name in _NAMES[:3]))
    earlier = sa.select(sa.func.max(row.c.id)).where(same, row.c.digest != given.c.digest, row.c.current)
    stale = sa.select(earlier.correlate(given).scalar_subquery()).select_from(given)
    connection.execute(sa.update(raw_records).where(raw_records.c.id.in_(stale)).values(current=False))


def _ids(connection: sa.Connection) -> dict[Key, int]:
    """The ids of the records that were just stored or known before; looked up one by one, by their key."""
    given, row = staged(raw_records, _NAMES), raw_records.alias("known")
    same = sa.and_(*(row.c[name] == given.c[name] for name in _NAMES[:4]))
    known = sa.select(row.c.id).where(same).correlate(given).scalar_subquery()
    found = connection.execute(sa.select(known, *(given.c[name] for name in _NAMES[:4])))
    return {tuple(row[1:]): row[0] for row in found}


def _looks(records: Sequence[tuple[int, RawRecord]]) -> Iterator[tuple[int | None, str]]:
    for read_at, group in groupby(records, key=lambda record: record[1].read_at):
        if read_at is None:
            yield None, _listed([(id_, raw.how) for id_, raw in group])
            continue
        parts = groupby(group, key=lambda record: (record[1].provider, record[1].key.partition(":")[0]))
        yield to_us(read_at), ";".join(",".join(f"{id_}{raw.how}" for id_, raw in unit) for _, unit in parts)


def _listed(records: Sequence[tuple[int, str]]) -> str:
    """Records that stand alone; those that follow each other are written as a span."""
    spans: list[tuple[int, int, str]] = []
    for id_, how in records:
        if spans and not how and not spans[-1][2] and spans[-1][1] + 1 == id_:
            spans[-1] = (spans[-1][0], id_, "")
        else:
            spans.append((id_, id_, how))
    return ";".join(f"{first}{how}" if first == last else f"{first}-{last}" for first, last, how in spans)


def _kept(connection: sa.Connection, text: str) -> str:
    return text if len(text) <= LONG else f"#{keep_text(connection, text)}"


def keep_text(connection: sa.Connection, text: str) -> str:
    """Keep a text once; returns the digest that stands for it."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    insert_new(connection, kept_texts, ("digest", "text"), [(digest, text)])
    return digest
