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
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from reconciler.columns import to_us
from reconciler.model import Page, Payment, RawRecord
from reconciler.schema import raw_records
from reconciler.store.upsert import upsert_changed
from reconciler.text import body_text

LONG = 64
"""A list of dated looks that is longer is kept once: most looks show the same records again."""
_NAMES = ("provider", "source", "key", "digest", "body", "first_seen_at", "current")
_MEMBER = re.compile(r"([0-9]+)([a-z]?)")
_SUPERSEDE = sa.text(
    "UPDATE raw_records SET current = false WHERE id IN (SELECT (SELECT max(r.id) FROM raw_records r"
    " WHERE r.provider = s.provider AND r.source = s.source AND r.key = s.key AND r.digest <> s.digest AND r.current)"
    " FROM staged_raw_records s)"
)
_KNOWN = sa.text(
    "SELECT (SELECT r.id FROM raw_records r WHERE r.provider = s.provider AND r.source = s.source AND r.key = s.key"
    " AND r.digest = s.digest), s.provider, s.source, s.key, s.digest FROM staged_raw_records s"
)
_NOTE = sa.text("INSERT INTO readings (at, feed, said) VALUES (:at, :feed, :said)")
_KEEP = sa.text("INSERT INTO kept_texts (digest, text) VALUES (:digest, :text) ON CONFLICT DO NOTHING")
"""Of the records just given, the earlier forms that stop being the current ones, and the ids: looked up one by one, by
their keys. Written out, since they are run with every page, and composing them would take longer than they do."""
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
    ids: dict[Key, int] = {(provider, source, key, digest): id_ for id_, provider, source, key, digest in news}
    if news:
        connection.execute(_SUPERSEDE)
    always = _always(page, names, beside)
    if not always <= ids.keys():
        ids |= {(row[1], row[2], row[3], row[4]): row[0] for row in connection.execute(_KNOWN)}
        always |= {(provider, source, key, digest) for _, provider, source, key, digest in news}
        return [(ids[name], raw) for name, raw in zip(names, page.raws, strict=True) if name in always]
    return [(ids[name], raw) for name, raw in zip(names, page.raws, strict=True) if name in ids] if ids else []


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
        connection.execute(_NOTE, {"at": to_us(now), "feed": page.feed, "said": text})


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


def _always(page: Page, names: Sequence[Key], beside: Beside) -> set[Key]:
    """The records whose look has an effect although they are known.

    Those that date facts, payments that came back, and what a page shows in several forms: the last of them counts.
    """
    found = {names[place] for place, raw in enumerate(page.raws) if raw.read_at is not None or raw.how}
    if beside.paid:
        found |= {name for name, paid in zip(names, page.payments, strict=False) if key_of(paid) in beside.paid}
    forms = Counter(name[:3] for name in names)
    if len(forms) < len(names):
        found |= {name for name in names if forms[name[:3]] > 1}
    return found


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
    connection.execute(_KEEP, {"digest": digest, "text": text})
    return digest
